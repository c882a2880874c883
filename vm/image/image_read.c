// Opening images: every offset and count is checked against the bytes that are there before anything
// is looked at. What the code words say is image_verify's business.
#include "vm/image/image.h"

#include <string.h>

bool image_has_magic(const void *bytes, size_t size)
{
    uint64_t magic;
    if (size < sizeof magic) return false;
    memcpy(&magic, bytes, sizeof magic);
    return magic == IMAGE_MAGIC;
}

bool image_open(ImageView *view, const void *bytes, size_t size, bool trusted, const char **why)
{
    const ImageHeader *head = bytes;

    *why = "not an Eta image";
    if (!image_has_magic(bytes, size)) return false;
    *why = "truncated image";
    if (size < sizeof *head) return false;
    *why = "image of another version of Eta; compile it again";
    if (head->version != IMAGE_VERSION) return false;
    if (!hash_content_equal(head->toolchain, image_toolchain())) return false;
    *why = "truncated image";
    if (head->size > size) return false;
    *why = "damaged image (wrong size)";
    if (head->size != size || head->reserved != 0) return false;
    *why = "damaged image (content hash does not match)";
    const uint8_t *body = (const uint8_t *)bytes + sizeof *head;
    if (!trusted && !hash_content_equal(head->content, hash_content(body, size - sizeof *head)))
        return false;
    *why = "damaged image (module table)";
    if (head->module_count > (size - sizeof *head) / sizeof(ImageEntry)) return false;

    view->bytes = bytes;
    view->size = size;
    view->entries = (const ImageEntry *)body;
    view->module_count = head->module_count;
    return true;
}

// Rows of one section, NULL (and *ok false) when they do not lie inside the module.
static const void *section_rows(const ModuleView *m, size_t size, ImageSection which,
                                size_t row_bytes, uint32_t *count, bool *ok)
{
    uint32_t offset = m->head->sections[which].offset;

    *count = m->head->sections[which].count;
    if (offset % 8 != 0 || offset > size || *count > (size - offset) / row_bytes) {
        *ok = false;
        *count = 0;
        return NULL;
    }
    return m->base + offset;
}

bool image_module(const ImageView *view, uint32_t index, ModuleView *m, const char **why)
{
    const ImageEntry *entry = &view->entries[index];
    size_t size = entry->size;
    uint32_t text_size;
    bool ok = true;

    *why = "damaged image (module bounds)";
    if (entry->offset % 8 != 0 || entry->offset > view->size || size > view->size - entry->offset ||
        size < sizeof(ImageModule))
        return false;
    m->base = view->bytes + entry->offset;
    m->head = (const ImageModule *)m->base;
    m->text = section_rows(m, size, SECTION_TEXT, 1, &text_size, &ok);
    m->text_size = text_size;
    m->imports = section_rows(m, size, SECTION_IMPORTS, sizeof(ImageImport), &m->import_count, &ok);
    m->cells = section_rows(m, size, SECTION_CELLS, sizeof(ImageCell), &m->cell_count, &ok);
    m->natives = section_rows(m, size, SECTION_NATIVES, sizeof(ImageNative), &m->native_count, &ok);
    m->codes = section_rows(m, size, SECTION_CODES, sizeof(ImageCode), &m->code_count, &ok);
    m->words = section_rows(m, size, SECTION_WORDS, 8, &m->word_count, &ok);
    m->safe = section_rows(m, size, SECTION_SAFE, sizeof(ImageSafe), &m->safe_count, &ok);
    m->labels = section_rows(m, size, SECTION_LABELS, sizeof(ImageLabel), &m->label_count, &ok);
    m->masks = section_rows(m, size, SECTION_MASKS, 4, &m->mask_count, &ok);
    m->literals = section_rows(m, size, SECTION_LITERALS, 1, &m->literal_bytes, &ok);
    m->interface = section_rows(m, size, SECTION_INTERFACE, 1, &m->interface_bytes, &ok);
    *why = "damaged image (section bounds)";
    return ok;
}

const char *image_text(const ModuleView *m, ImageText text, size_t *size)
{
    if (text.offset > m->text_size || text.size > m->text_size - text.offset) {
        *size = 0;
        return NULL;
    }
    *size = text.size;
    return m->text + text.offset;
}
