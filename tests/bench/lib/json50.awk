# Writes the 50 MB of json50.eta: awk -f json50.awk > data.json
BEGIN {
    seed = 42
    for (i = 0; i < 200000; i++) {
        seed = (seed * 69069 + 1) % 4294967296
        x = seed / 4294967.296
        printf "%s{\"id\":%d,\"name\":\"user-%d\",\"email\":\"user%d@example.com\",\"active\":%s,",
               i ? "," : "[", i, i, i, i % 3 ? "false" : "true"
        printf "\"score\":%.13f,\"tags\":[\"alpha\",\"beta\",\"gamma%d\"],\"parent\":null,", x, i % 17
        printf "\"address\":{\"street\":\"%d Main St\",\"city\":\"Zürich\",\"at\":[%.6f,%.6f]},", i, x / 6, x / 3
        printf "\"note\":\"line one\\nline \\\"two\\\"\\t%d\",\"count\":%d}", i, seed
    }
    print "]"
}
