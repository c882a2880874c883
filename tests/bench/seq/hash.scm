;; Mutable hash tables: a million integer keys, then a million strings: put in, look up (each key and as many
;; that are not there), count up, delete half.
(define n 1000000)

(define (spread i) (remainder (* i 7919) 15485863))

(define (put-ints table)
  (do ((i 0 (+ i 1))) ((= i n)) (int-table-set! table (spread i) i)))

(define (sum-ints table)
  (let loop ((i 0) (sum 0))
    (if (= i (* 2 n)) sum (loop (+ i 1) (+ sum (int-table-ref table (spread i) 0))))))

(define (delete-ints table)
  (do ((i 0 (+ i 2))) ((>= i n) table) (int-table-delete! table (spread i))))

(define ints (new-int-table))
(bench "hash_int_set" (lambda () (put-ints ints)))
(check "hash_int_ref" 499999500000 (bench "hash_int_ref" (lambda () (sum-ints ints))))
(bench "hash_int_del" (lambda () (delete-ints ints)))
(check "hash_int_del" 250000000000 (sum-ints ints))

(define names (make-vector (* 2 n)))
(do ((i 0 (+ i 1))) ((= i (* 2 n)))
  (vector-set! names i (string-append "name-" (number->string (spread i)))))

(define (put-names table)
  (do ((i 0 (+ i 1))) ((= i n)) (table-set! table (vector-ref names i) i)))

(define (sum-names table)
  (let loop ((i 0) (sum 0))
    (if (= i (* 2 n)) sum (loop (+ i 1) (+ sum (table-ref table (vector-ref names i) 0))))))

(define strings (new-table))
(bench "hash_str_set" (lambda () (put-names strings)))
(check "hash_str_ref" 499999500000 (bench "hash_str_ref" (lambda () (sum-names strings))))
