#include "event/framing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "event/structure.h"

// Two ways through the bytes. A whole line goes straight to the decoder, which is all that JSON
// Lines and watch streams ever need. When the decoder says that the line is not one document, or
// the line is longer than one may be, the same bytes go through a structural scanner that knows
// only strings, brackets and line ends, and finds where the document, or the list's item, ends.
//
// What is handed out must not depend on how the stream was cut into reads: every decision looks at
// positions in the stream and at the limit, never at what happens to be in the buffer.

enum {
    ROOM_MIN = 64 << 10,
    FIRST_CAP = 256 << 10,
    LIMIT_MAX = 1 << 30 // an mcr_str holds less than 4 GiB
};

typedef enum state {
    BETWEEN, // before a document
    JUNK,    // in the rest of a line that is malformed
    OPEN,    // in a document
    LIST,    // in a list's items, between two of them
    ITEM,    // in an item that is an object
    VALUE,   // in an item that is something else
    TAIL     // in a list, behind its items
} state;

// What may come next between two items.
typedef enum want {
    WANT_FIRST, // an item or the end
    WANT_ITEM,
    WANT_COMMA // or the end
} want;

struct mcr_framer {
    mcr_on_frame *on_frame;
    void *arg;
    mcr_decoder *decoder;
    size_t limit;
    char *bytes;
    size_t cap;
    size_t head;     // the first byte still needed: where the open document begins
    size_t at;       // the next byte to look at
    size_t tail;     // behind the last byte
    uint64_t base;   // offset in the stream of bytes[0]
    size_t searched; // BETWEEN: bytes from `at` on that hold no line end
    state state;
    want want;
    bool paused;
    bool begun;         // a BOM is no longer possible
    bool same_line;     // BETWEEN: a document has ended on this line
    mcr_structure scan; // its line and column_0 count in every state
    uint64_t document_line;
    bool skipping; // the document was reported; its bytes are not kept
    mcr_decode_error error;
    char too_long[128];
};

mcr_framer *mcr_framer_new(size_t limit, mcr_on_frame *on_frame, void *arg)
{
    mcr_framer *f = mcr_zalloc(sizeof *f);
    f->on_frame = on_frame;
    f->arg = arg;
    f->decoder = mcr_decoder_new();
    f->limit = limit < LIMIT_MAX ? limit : LIMIT_MAX;
    f->cap = FIRST_CAP;
    f->bytes = mcr_alloc(f->cap);
    f->scan.line = 1;
    bool mebibytes = f->limit >= (1 << 20) && f->limit % (1 << 20) == 0;
    snprintf(f->too_long, sizeof f->too_long,
             "longer than an event may be: %zu%s (limits.event); skipped",
             mebibytes ? f->limit >> 20 : f->limit, mebibytes ? "MiB" : " bytes");
    return f;
}

void mcr_framer_free(mcr_framer *f)
{
    if (!f)
        return;
    mcr_decoder_free(f->decoder);
    free(f->bytes);
    free(f);
}

char *mcr_framer_room(mcr_framer *f, size_t *room)
{
    if (f->cap - f->tail < ROOM_MIN && f->head) {
        memmove(f->bytes, f->bytes + f->head, f->tail - f->head);
        f->base += f->head;
        f->at -= f->head;
        f->tail -= f->head;
        f->head = 0;
    }
    if (f->cap - f->tail < ROOM_MIN) {
        size_t most = f->limit + 2 * ROOM_MIN;
        size_t cap = 2 * f->cap < most ? 2 * f->cap : most;
        f->cap = cap > f->tail + ROOM_MIN ? cap : f->tail + ROOM_MIN;
        f->bytes = mcr_realloc(f->bytes, f->cap);
    }
    *room = f->cap - f->tail;
    return f->bytes + f->tail;
}

static void emit(mcr_framer *f, const mcr_frame *frame)
{
    if (!f->on_frame(f->arg, frame))
        f->paused = true;
}

static void emit_malformed(mcr_framer *f, const char *why, uint64_t line, uint64_t offset)
{
    emit(f, &(mcr_frame){
                .kind = MCR_DECODED_MALFORMED, .line = line, .offset = offset, .error = why });
}

static size_t count_lines(const char *at, size_t n)
{
    size_t lines = 0;
    const char *end = at + n;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        lines++;
        at++;
    }
    return lines;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// hand_out decodes bytes[head … to) and gives away what it is; `cut` is what to say when the
// document ends too early.
static void hand_out(mcr_framer *f, size_t to, const char *cut)
{
    const char *text = f->bytes + f->head;
    size_t len = to - f->head;
    mcr_frame frame = { .line = f->document_line, .offset = f->base + f->head };
    frame.kind = mcr_decode(f->decoder, mcr_str_n(text, len), 0, &frame.ev, &f->error);
    frame.error = f->error.text;
    size_t wrong = f->error.offset < len ? f->error.offset : len;
    f->head = f->at;
    switch (frame.kind) {
    case MCR_DECODED_EVENT:
    case MCR_DECODED_CONTROL:
        emit(f, &frame);
        return;
    case MCR_DECODED_LIST:
        if (f->state != ITEM)
            return; // a list without items
        emit_malformed(f, "a list item must be an Event, not a list", frame.line, frame.offset);
        return;
    case MCR_DECODED_INCOMPLETE:
        frame.error = cut;
        break;
    case MCR_DECODED_MALFORMED:
        break;
    }
    emit_malformed(f, frame.error, frame.line + count_lines(text, wrong), frame.offset + wrong);
}

// begin_scan starts the scanner on the `{` at `at`.
static void begin_scan(mcr_framer *f, state next)
{
    f->state = next;
    f->head = f->at;
    f->document_line = f->scan.line;
    f->searched = 0;
    f->at++;
    f->skipping = false;
    mcr_structure_begin(&f->scan, 1, next == OPEN);
}

// scan reads on in the open document, one byte past the limit at most.
static mcr_structure_found scan(mcr_framer *f)
{
    size_t stop = f->tail;
    if (!f->skipping && stop - f->head > f->limit)
        stop = f->head + f->limit + 1;
    mcr_structure_found found;
    const char *at = mcr_structure_scan(&f->scan, f->bytes + f->at, f->bytes + stop, &found);
    f->at = (size_t)(at - f->bytes);
    return found;
}

// skip_space goes to the next byte that is no white space; false: there is none yet.
static bool skip_space(mcr_framer *f)
{
    for (; f->at < f->tail; f->at++) {
        char c = f->bytes[f->at];
        if (c == '\n') {
            f->scan.line++;
            f->scan.column_0 = true;
            f->same_line = false;
        } else if (!is_space(c)) {
            break;
        } else {
            f->scan.column_0 = false;
        }
    }
    f->head = f->at;
    return f->at < f->tail;
}

// Each step below returns false when it needs more bytes.

static bool step_between(mcr_framer *f, bool ending)
{
    if (!f->searched && !skip_space(f))
        return false;
    if (f->bytes[f->at] != '{') {
        f->state = JUNK;
        emit_malformed(f,
                       f->same_line ? "text behind the end of a document"
                                    : "expected '{': each document is a JSON object",
                       f->scan.line, f->base + f->at);
        return true;
    }
    // Behind a document on the same line the scanner goes on, or a line of a thousand documents
    // would be read a thousand times.
    if (f->same_line) {
        begin_scan(f, OPEN);
        return true;
    }
    const char *text = f->bytes + f->at;
    size_t len = f->tail - f->at;
    const char *newline = memchr(text + f->searched, '\n', len - f->searched);
    if (newline)
        len = (size_t)(newline - text);
    if (len > f->limit) {
        begin_scan(f, OPEN);
        return true;
    }
    if (!newline && !ending) {
        f->searched = len;
        return false;
    }
    mcr_frame frame = { .line = f->scan.line, .offset = f->base + f->at };
    frame.kind = mcr_decode(f->decoder, mcr_str_n(text, len), 0, &frame.ev, &f->error);
    if (frame.kind != MCR_DECODED_EVENT && frame.kind != MCR_DECODED_CONTROL) {
        begin_scan(f, OPEN);
        return true;
    }
    f->searched = 0;
    f->at += len;
    if (newline) {
        f->at++;
        f->scan.line++;
        f->scan.column_0 = true;
    }
    f->head = f->at;
    frame.error = f->error.text;
    emit(f, &frame);
    return true;
}

static bool step_junk(mcr_framer *f)
{
    const char *newline = memchr(f->bytes + f->at, '\n', f->tail - f->at);
    f->at = newline ? (size_t)(newline - f->bytes) : f->tail;
    f->head = f->at;
    if (newline)
        f->state = BETWEEN;
    return newline != NULL;
}

// close_document ends the open document or item at `at`; `cut` as in hand_out.
static void close_document(mcr_framer *f, const char *cut)
{
    state was = f->state;
    bool closed = cut == NULL;
    if (f->skipping) {
        f->head = f->at;
    } else if (f->at - f->head > f->limit) {
        uint64_t offset = f->base + f->head;
        f->head = f->at;
        emit_malformed(f, f->too_long, f->document_line, offset);
    } else {
        hand_out(f, f->at, closed ? "a bracket is closed that was not opened" : cut);
    }
    f->state = was == ITEM && closed ? LIST : BETWEEN;
    f->want = WANT_COMMA;
    f->same_line = closed;
}

static bool step_document(mcr_framer *f)
{
    switch (scan(f)) {
    case MCR_STRUCTURE_END:
        close_document(f, NULL);
        return true;
    case MCR_STRUCTURE_BRACE:
        close_document(f, "the next document begins before this one has ended");
        return true;
    case MCR_STRUCTURE_ITEMS:
        f->state = LIST;
        f->want = WANT_FIRST;
        f->head = f->at;
        return true;
    case MCR_STRUCTURE_NOTHING:
        break;
    }
    if (f->skipping) {
        f->head = f->at;
        return false;
    }
    if (f->at - f->head <= f->limit)
        return false;
    uint64_t offset = f->base + f->head;
    f->skipping = true;
    f->scan.items = false;
    f->scan.items_step = 0;
    f->head = f->at;
    emit_malformed(f, f->too_long, f->document_line, offset);
    return true;
}

static void leave_list(mcr_framer *f)
{
    f->head = f->at;
    f->state = BETWEEN;
    f->same_line = false;
}

// cut_list ends a list whose end never came, at the `{` in column 0 that says so.
static void cut_list(mcr_framer *f)
{
    leave_list(f);
    emit_malformed(f, "the next document begins before this list has ended", f->scan.line - 1,
                   f->base + f->at - 1);
}

static void enter_value(mcr_framer *f)
{
    f->state = VALUE;
    mcr_structure_begin(&f->scan, 0, false);
}

static void enter_tail(mcr_framer *f)
{
    f->state = TAIL;
    f->at++;
    f->skipping = true;
    mcr_structure_begin(&f->scan, 1, false);
}

static bool step_list(mcr_framer *f)
{
    if (!skip_space(f))
        return false;
    char c = f->bytes[f->at];
    uint64_t offset = f->base + f->at;
    if (c == '{' && f->want != WANT_COMMA) {
        begin_scan(f, ITEM);
    } else if (c == '{' && f->scan.column_0) {
        cut_list(f);
    } else if (c == ']') {
        bool early = f->want == WANT_ITEM;
        enter_tail(f);
        if (early)
            emit_malformed(f, "expected a list item behind ','", f->scan.line, offset);
    } else if (c == ',' && f->want == WANT_COMMA) {
        f->at++;
        f->scan.column_0 = false;
        f->want = WANT_ITEM;
    } else if (f->want == WANT_COMMA) {
        if (c == '{')
            f->want = WANT_FIRST;
        else
            enter_value(f);
        emit_malformed(f, "expected ',' or ']' behind a list item", f->scan.line, offset);
    } else {
        if (c == ',')
            f->want = WANT_COMMA;
        else
            enter_value(f);
        emit_malformed(f, "a list item must be an object", f->scan.line, offset);
    }
    return true;
}

static bool step_value(mcr_framer *f)
{
    for (; f->at < f->tail; f->at++) {
        char c = f->bytes[f->at];
        if (f->scan.column_0 && c == '{') {
            leave_list(f);
            return true;
        }
        f->scan.column_0 = false;
        if (c == '\n') {
            f->scan.line++;
            f->scan.column_0 = true;
            f->scan.in_string = false;
            f->scan.escaped = false;
        } else if (f->scan.escaped) {
            f->scan.escaped = false;
        } else if (f->scan.in_string) {
            f->scan.escaped = c == '\\';
            f->scan.in_string = c != '"';
        } else if (c == '"') {
            f->scan.in_string = true;
        } else if (f->scan.depth == 0 && (c == ',' || c == ']')) {
            f->state = LIST;
            f->want = WANT_COMMA;
            f->head = f->at;
            return true;
        } else if (c == '{' || c == '[') {
            f->scan.depth++;
        } else if (f->scan.depth && (c == '}' || c == ']')) {
            f->scan.depth--;
        }
    }
    f->head = f->at;
    return false;
}

static bool step_tail(mcr_framer *f)
{
    mcr_structure_found found = scan(f);
    f->head = f->at;
    if (found == MCR_STRUCTURE_END) {
        f->state = BETWEEN;
        f->same_line = true;
    } else if (found == MCR_STRUCTURE_BRACE) {
        cut_list(f);
    }
    return found != MCR_STRUCTURE_NOTHING;
}

// skip_bom passes over a BOM at the stream's start; false: that cannot be told yet.
static bool skip_bom(mcr_framer *f, bool ending)
{
    static const char bom[3] = "\xef\xbb\xbf";
    size_t n = f->tail - f->at;
    size_t compare = n < sizeof bom ? n : sizeof bom;
    bool same = memcmp(f->bytes + f->at, bom, compare) == 0;
    if (same && n < sizeof bom && !ending)
        return false;
    f->begun = true;
    if (same && n >= sizeof bom) {
        f->at += sizeof bom;
        f->head = f->at;
    }
    return true;
}

static bool run(mcr_framer *f, bool ending)
{
    if (!f->begun && !skip_bom(f, ending))
        return true;
    bool going = true;
    while (going && !f->paused) {
        switch (f->state) {
        case BETWEEN:
            going = step_between(f, ending);
            break;
        case JUNK:
            going = step_junk(f);
            break;
        case OPEN:
        case ITEM:
            going = step_document(f);
            break;
        case LIST:
            going = step_list(f);
            break;
        case VALUE:
            going = step_value(f);
            break;
        case TAIL:
            going = step_tail(f);
            break;
        }
    }
    return !f->paused;
}

bool mcr_framer_feed(mcr_framer *f, size_t n)
{
    f->tail += n;
    return !f->paused && run(f, false);
}

bool mcr_framer_resume(mcr_framer *f)
{
    f->paused = false;
    return run(f, false);
}

bool mcr_framer_finish(mcr_framer *f)
{
    if (f->paused || !run(f, true))
        return false;
    static const char cut[] = "the input ends inside a document";
    if (f->state == OPEN || f->state == ITEM) {
        close_document(f, cut);
    } else if (f->state == LIST || f->state == VALUE || f->state == TAIL) {
        leave_list(f);
        emit_malformed(f, "the input ends inside a list", f->scan.line, f->base + f->at);
    }
    if (f->paused)
        return false;
    f->head = f->at = f->tail = f->searched = 0;
    f->base = 0;
    f->scan.line = 1;
    f->state = BETWEEN;
    f->begun = f->same_line = f->scan.column_0 = false;
    return true;
}
