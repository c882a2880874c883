// See input.h.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runtime/input.h"

#include "vm/base/mem.h"
#include "vm/base/utf8.h"
#include "vm/plat/plat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

struct Input {
    PlatLock lock;
    Buf data;            // lock
    size_t taken;        // of data, from its front; lock
    uint64_t generation; // counts what came; lock
    int error;           // that reading ended with; lock
    bool end;            // nothing more will come; lock
    bool replace;        // invalid UTF-8 by U+FFFD; lock
    uint64_t gone;       // bytes before those in data that are not taken; lock
    // How far the data have been searched in vain for what a taker wished; lock.
    InputUnit searched_unit;
    size_t searched, searched_chars;

    PlatLock reading; // held by the thread that reads; taken before `lock`
    uint8_t chunk[CHUNK_BYTES]; // reading
    int stop[2];                // a pipe; closing its write end wakes whoever waits
};

Input *input_new(void)
{
    Input *in = mem_zalloc(MEM_IO, sizeof *in);

    if (!in) return NULL;
    if (pipe2(in->stop, O_CLOEXEC) != 0) {
        mem_free(MEM_IO, in, sizeof *in);
        return NULL;
    }
    return in;
}

void input_stop(Input *in)
{
    if (!in || in->stop[1] < 0) return;
    (void)close(in->stop[1]);
    in->stop[1] = -1;
}

void input_free(Input *in)
{
    if (!in) return;
    input_stop(in);
    (void)close(in->stop[0]);
    buf_free(&in->data);
    mem_free(MEM_IO, in, sizeof *in);
}

// ---- taking, under the lock -----------------------------------------------------------------------

// Is [p, end) the beginning of a character whose rest may still come?
static bool is_cut_off(const uint8_t *p, const uint8_t *end)
{
    size_t want = *p >= 0xF0 && *p < 0xF5 ? 4 : *p >= 0xE0 && *p < 0xF0 ? 3 : *p >= 0xC2 ? 2 : 1;

    if (*p < 0xC2 || *p >= 0xF5 || (size_t)(end - p) >= want) return false;
    while (++p < end) {
        if ((*p & 0xC0) != 0x80) return false;
    }
    return true;
}

static void remember(Input *in, InputUnit unit, size_t searched, size_t chars)
{
    in->searched_unit = unit;
    in->searched = searched;
    in->searched_chars = chars;
}

// Each find_ function gives true with the size of what was wished, false when it is not complete.

// A line ends with \n, \r or \r\n.
static bool find_line(Input *in, const uint8_t *data, size_t size, size_t *found)
{
    size_t from = in->searched_unit == INPUT_LINE ? in->searched : 0;
    const uint8_t *newline = memchr(data + from, '\n', size - from);
    const uint8_t *limit = newline ? newline : data + size;
    const uint8_t *cr = memchr(data + from, '\r', (size_t)(limit - (data + from)));

    if (cr && cr + 1 < data + size) limit = cr[1] == '\n' ? cr + 1 : cr;
    bool complete = newline || (cr && cr + 1 < data + size);
    *found = complete ? (size_t)(limit - data) + 1 : size;
    // A \r at the end is looked at again: a \n may follow.
    if (!complete) remember(in, INPUT_LINE, cr ? size - 1 : size, 0);
    return complete || in->end;
}

static bool find_chars(Input *in, const uint8_t *data, size_t size, size_t count, size_t *found)
{
    bool again = in->searched_unit == INPUT_CHARS && in->searched_chars <= count;
    const uint8_t *p = data + (again ? in->searched : 0), *end = data + size;
    size_t chars = again ? in->searched_chars : 0;

    while (chars < count && p < end && (in->end || !is_cut_off(p, end))) {
        (void)utf8_decode(&p, end);
        chars++;
    }
    *found = (size_t)(p - data);
    if (chars < count) remember(in, INPUT_CHARS, *found, chars);
    return chars == count || in->end;
}

static bool find(Input *in, const InputWish *wish, size_t *found)
{
    const uint8_t *data = in->data.data + in->taken;
    size_t size = in->data.size - in->taken;

    switch (wish->unit) {
    case INPUT_LINE:
        return find_line(in, data, size, found);
    case INPUT_CHARS:
        return find_chars(in, data, size, wish->count, found);
    case INPUT_BYTES:
        break;
    }
    *found = MIN(size, wish->count);
    return size >= wish->count || in->end;
}

static void append_text(Buf *out, const uint8_t *p, size_t size)
{
    const uint8_t *end = p + size;

    if (utf8_validate(p, size) == size) {
        buf_bytes(out, p, size);
        return;
    }
    while (p < end) {
        uint32_t scalar = utf8_decode(&p, end);
        buf_char(out, scalar == UTF8_INVALID ? 0xFFFD : scalar);
    }
}

static bool is_line_end(uint8_t c)
{
    return c == '\n' || c == '\r';
}

static void drop(Input *in, size_t size)
{
    in->taken += size;
    in->gone += size;
    remember(in, INPUT_BYTES, 0, 0);
    if (in->taken == in->data.size) {
        buf_clear(&in->data);
        in->taken = 0;
    } else if (in->taken > CHUNK_BYTES && in->taken > in->data.size / 2) {
        memmove(in->data.data, in->data.data + in->taken, in->data.size - in->taken);
        in->data.size -= in->taken;
        in->taken = 0;
    }
}

static TakeResult take_locked(Input *in, const InputWish *wish, Buf *out, TakeReport *report)
{
    size_t found;

    if (in->data.size == in->taken && in->end) {
        report->error = in->error;
        return in->error ? TAKE_FAILED : TAKE_END;
    }
    if (in->data.size == in->taken || !find(in, wish, &found)) return TAKE_WAIT;
    const uint8_t *data = in->data.data + in->taken;
    if (wish->unit == INPUT_BYTES) {
        buf_bytes(out, data, found);
    } else {
        size_t valid = in->replace ? found : utf8_validate(data, found);
        report->offset = in->gone + valid;
        if (valid < found) return TAKE_INVALID;
        size_t size = found;
        while (wish->unit == INPUT_LINE && size > 0 && is_line_end(data[size - 1])) {
            size--;
        }
        append_text(out, data, size);
    }
    if (!wish->peek && !out->failed) drop(in, found);
    return TAKE_DONE;
}

TakeResult input_take(Input *in, const InputWish *wish, Buf *out, TakeReport *report)
{
    plat_lock(&in->lock);
    TakeResult result = take_locked(in, wish, out, report);
    report->generation = in->generation;
    plat_unlock(&in->lock);
    return result;
}

void input_replace(Input *in, bool on)
{
    plat_lock(&in->lock);
    in->replace = on;
    plat_unlock(&in->lock);
}

// ---- reading --------------------------------------------------------------------------------------

static bool is_news(Input *in, uint64_t generation)
{
    plat_lock(&in->lock);
    bool news = in->generation != generation || in->end;
    plat_unlock(&in->lock);
    return news;
}

static void add(Input *in, ssize_t n, int error)
{
    plat_lock(&in->lock);
    if (n > 0) buf_bytes(&in->data, in->chunk, (size_t)n);
    if (in->data.failed) error = ENOMEM;
    if (n <= 0 || error) {
        in->end = true;
        in->error = error;
    }
    in->generation++;
    plat_unlock(&in->lock);
}

void input_wait(Input *in, uint64_t generation)
{
    struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.fd = in->stop[0], .events = POLLIN}};

    plat_lock(&in->reading);
    while (!is_news(in, generation)) {
        if (poll(p, 2, -1) < 0) continue;
        if (p[1].revents) break;
        ssize_t n = read(0, in->chunk, sizeof in->chunk);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        add(in, n, n < 0 ? errno : 0);
    }
    plat_unlock(&in->reading);
}

bool input_is_ready(Input *in)
{
    struct pollfd p = {.fd = 0, .events = POLLIN};

    plat_lock(&in->lock);
    bool ready = in->data.size > in->taken || in->end;
    plat_unlock(&in->lock);
    return ready || poll(&p, 1, 0) > 0;
}
