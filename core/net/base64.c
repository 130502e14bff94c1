#include "net/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void mcr_base64_encode(mcr_buf *out, mcr_str bytes)
{
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        unsigned word = (unsigned)in[i] << 16;
        if (n > 1)
            word |= (unsigned)in[i + 1] << 8;
        if (n > 2)
            word |= in[i + 2];
        mcr_buf_putc(out, alphabet[word >> 18]);
        mcr_buf_putc(out, alphabet[word >> 12 & 63]);
        mcr_buf_putc(out, n > 1 ? alphabet[word >> 6 & 63] : '=');
        mcr_buf_putc(out, n > 2 ? alphabet[word & 63] : '=');
    }
}

bool mcr_base64_decode(mcr_buf *out, mcr_str text)
{
    size_t before = out->len, digits = 0, padding = 0;
    unsigned word = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        const char *at = c ? strchr(alphabet, c) : NULL;
        if (c == '=')
            padding++;
        if ((!at && c != '=') || (at && padding) || padding > 2)
            goto wrong;
        word = word << 6 | (at ? (unsigned)(at - alphabet) : 0);
        if (++digits % 4 == 0) {
            const char bytes[3] = { (char)(word >> 16), (char)(word >> 8), (char)word };
            mcr_buf_append(out, bytes, 3 - padding);
        }
    }
    if (digits % 4 == 0)
        return true;
wrong:
    out->len = before;
    return false;
}
