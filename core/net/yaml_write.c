#include "net/yaml_write.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"

static void write_number(mcr_buf *out, double number)
{
    const double exact = 9007199254740992.0; // integers beyond are no longer
    if (number == (double)(int64_t)number && number > -exact && number < exact)
        mcr_buf_i64(out, (int64_t)number);
    else
        mcr_buf_printf(out, "%.17g", number);
}

// U+0000 stands in the tree as C0 80.
static void take_text(mcr_buf *out, const char *text)
{
    const char *at;
    while ((at = strstr(text, "\xc0\x80"))) {
        mcr_buf_append(out, text, (size_t)(at - text));
        mcr_buf_putc(out, '\0');
        text = at + 2;
    }
    mcr_buf_puts(out, text);
}

// What Go's yaml would not read back as a string, it quotes.

static bool is_word(const char *text)
{
    static const char *const words[] = { "~",  "null", "true", "false", "yes",
                                         "no", "on",   "off",  "y",     "n",
                                         "<<", ".nan", ".inf", "+.inf", "-.inf" };
    // As written, with a capital, and in capitals.
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *word = words[i];
        bool same = true, capital = true, capitals = true;
        size_t n = strlen(word), letters = 0;
        if (strlen(text) != n)
            continue;
        for (size_t k = 0; k < n; k++) {
            int c = (unsigned char)word[k], upper = toupper(c);
            same &= text[k] == c;
            capitals &= text[k] == upper;
            capital &= text[k] == (letters == 0 ? upper : c);
            letters += isalpha(c) != 0;
        }
        if (same || capital || capitals)
            return true;
    }
    return false;
}

static const char *skip_digits(const char *at)
{
    return at + strspn(at, "0123456789");
}

// [-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?, and what ends in a dot
static bool is_decimal(const char *at)
{
    at += *at == '-' || *at == '+';
    const char *whole = skip_digits(at), *fraction = *whole == '.' ? skip_digits(whole + 1) : whole;
    bool digits = isdigit((unsigned char)*at) || (*whole == '.' && fraction > whole + 1);
    if (!digits)
        return false;
    if (*fraction == 'e' || *fraction == 'E') {
        const char *exponent = fraction + 1 + (fraction[1] == '-' || fraction[1] == '+');
        fraction = skip_digits(exponent);
        if (fraction == exponent)
            return false;
    }
    return !*fraction;
}

// 0x1F, 0b10, 0o17
static bool is_prefixed(const char *at)
{
    at += *at == '-' || *at == '+';
    const char *digits = *at != '0'                     ? NULL
                         : at[1] == 'x' || at[1] == 'X' ? "0123456789abcdefABCDEF"
                         : at[1] == 'b' || at[1] == 'B' ? "01"
                         : at[1] == 'o' || at[1] == 'O' ? "01234567"
                                                        : NULL;
    return digits && at[2] && !at[2 + strspn(at + 2, digits)];
}

// 1:30, 190:20:30.15
static bool is_base_60(const char *at)
{
    at += *at == '-' || *at == '+';
    const char *end = skip_digits(at);
    if (end == at || *end != ':')
        return false;
    while (*end == ':') {
        const char *part = end + 1;
        end = skip_digits(part);
        if (end == part || end - part > 2)
            return false;
    }
    return !*end || (*end == '.' && !*skip_digits(end + 1));
}

static bool is_number(const char *text)
{
    // Underscores between digits are for people.
    char *plain = mcr_strdup(text), *to = plain;
    for (const char *at = text; *at; at++)
        if (*at != '_')
            *to++ = *at;
    *to = '\0';
    bool number = is_decimal(plain) || is_prefixed(plain) || is_base_60(plain);
    free(plain);
    return number;
}

// 2026-11-23, 2026-11-23T05:01:00Z, 2026-11-23 05:01:00
static bool is_time(const char *at)
{
    const char *month = skip_digits(at);
    if (month - at != 4 || *month != '-')
        return false;
    const char *day = skip_digits(month + 1);
    if (day == month + 1 || *day != '-')
        return false;
    const char *end = skip_digits(day + 1);
    bool more = (*end == 'T' || *end == 't' || *end == ' ') && isdigit((unsigned char)end[1]);
    return end > day + 1 && (!*end || more);
}

static yaml_scalar_style_t style_of(mcr_str bytes, const char *text)
{
    if (memchr(bytes.ptr, '\n', bytes.len))
        return YAML_LITERAL_SCALAR_STYLE;
    bool other = !bytes.len || is_word(text) || is_number(text) || is_time(text);
    return other ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
}

// Nothing but a lack of memory makes it fail: the text is UTF-8, and the buffer takes everything.
static void must(int done)
{
    if (done)
        return;
    fputs("mooncrier: out of memory while YAML was written\n", stderr);
    abort();
}

static void emit(yaml_emitter_t *emitter, yaml_event_t *event, int made)
{
    must(made);
    must(yaml_emitter_emit(emitter, event));
}

static void emit_scalar(yaml_emitter_t *emitter, mcr_str bytes, yaml_scalar_style_t style)
{
    yaml_event_t event;
    emit(emitter, &event,
         yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)bytes.ptr,
                                      (int)bytes.len, 1, 1, style));
}

static void emit_string(yaml_emitter_t *emitter, const char *text)
{
    mcr_buf bytes = { 0 };
    take_text(&bytes, text);
    const char *begin = mcr_buf_cstr(&bytes);
    emit_scalar(emitter, (mcr_str){ .ptr = begin, .len = (uint32_t)bytes.len },
                style_of((mcr_str){ .ptr = begin, .len = (uint32_t)bytes.len }, begin));
    mcr_buf_fini(&bytes);
}

static void emit_value(yaml_emitter_t *emitter, const cJSON *value)
{
    yaml_event_t event;
    bool object = cJSON_IsObject(value);
    if (cJSON_IsString(value)) {
        emit_string(emitter, value->valuestring);
    } else if (cJSON_IsNumber(value)) {
        mcr_buf text = { 0 };
        write_number(&text, value->valuedouble);
        emit_scalar(emitter, mcr_buf_str(&text), YAML_PLAIN_SCALAR_STYLE);
        mcr_buf_fini(&text);
    } else if (!object && !cJSON_IsArray(value)) {
        mcr_str word = cJSON_IsNull(value)   ? MCR_STR("null")
                       : cJSON_IsTrue(value) ? MCR_STR("true")
                                             : MCR_STR("false");
        emit_scalar(emitter, word, YAML_PLAIN_SCALAR_STYLE);
    } else {
        emit(emitter, &event,
             object ? yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
                                                          YAML_BLOCK_MAPPING_STYLE)
                    : yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
                                                           YAML_BLOCK_SEQUENCE_STYLE));
        for (const cJSON *child = value->child; child; child = child->next) {
            if (object)
                emit_string(emitter, child->string);
            emit_value(emitter, child);
        }
        emit(emitter, &event,
             object ? yaml_mapping_end_event_initialize(&event)
                    : yaml_sequence_end_event_initialize(&event));
    }
}

static int take_output(void *self, unsigned char *bytes, size_t len)
{
    mcr_buf_append(self, bytes, len);
    return 1;
}

void mcr_yaml_write(mcr_buf *out, const cJSON *tree)
{
    yaml_emitter_t emitter;
    yaml_event_t event;
    must(yaml_emitter_initialize(&emitter));
    yaml_emitter_set_output(&emitter, take_output, out);
    yaml_emitter_set_unicode(&emitter, 1);
    emit(&emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    emit(&emitter, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    emit_value(&emitter, tree);
    emit(&emitter, &event, yaml_document_end_event_initialize(&event, 1));
    emit(&emitter, &event, yaml_stream_end_event_initialize(&event));
    yaml_emitter_flush(&emitter);
    yaml_emitter_delete(&emitter);
}
