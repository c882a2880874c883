// Writing images: the tables that a code generator filled, laid out as image.h says.
#include "vm/image/image.h"

#include "vm/base/check.h"
#include "vm/image/prim.h"

#include <string.h>

static const uint8_t row_bytes[SECTION_COUNT] = {
    [SECTION_TEXT] = 1,
    [SECTION_IMPORTS] = sizeof(ImageImport),
    [SECTION_CELLS] = sizeof(ImageCell),
    [SECTION_NATIVES] = sizeof(ImageNative),
    [SECTION_CODES] = sizeof(ImageCode),
    [SECTION_WORDS] = 8,
    [SECTION_SAFE] = sizeof(ImageSafe),
    [SECTION_LABELS] = sizeof(ImageLabel),
    [SECTION_MASKS] = 4,
    [SECTION_LITERALS] = 1,
    [SECTION_INTERFACE] = 1,
};

void module_writer_init(ModuleWriter *w)
{
    memset(w, 0, sizeof *w);
}

void module_writer_free(ModuleWriter *w)
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        buf_free(&w->sections[i]);
    }
}

ImageText module_writer_text(ModuleWriter *w, const char *text, size_t size)
{
    Buf *b = &w->sections[SECTION_TEXT];
    ImageText at = {(uint32_t)b->size, (uint32_t)size};
    buf_bytes(b, text, size);
    return at;
}

static bool write_module(Buf *out, ModuleWriter *w)
{
    size_t start = out->size;
    uint32_t offset = (uint32_t)ALIGN_UP(sizeof(ImageModule), 8);

    for (int i = 0; i < SECTION_COUNT; i++) {
        Buf *section = &w->sections[i];
        if (section->failed || section->size > UINT32_MAX - offset - 8) return false;
        w->head.sections[i].offset = offset;
        w->head.sections[i].count = (uint32_t)(section->size / row_bytes[i]);
        offset += (uint32_t)ALIGN_UP(section->size, 8);
    }
    buf_bytes(out, &w->head, sizeof w->head);
    buf_align(out, 8);
    for (int i = 0; i < SECTION_COUNT; i++) {
        ASSERT(out->failed || out->size - start == w->head.sections[i].offset);
        buf_bytes(out, w->sections[i].data, w->sections[i].size);
        buf_align(out, 8);
    }
    return !out->failed;
}

static void start_image(Buf *out, uint32_t count)
{
    ImageHeader header = {.magic = IMAGE_MAGIC,
                          .version = IMAGE_VERSION,
                          .module_count = count,
                          .toolchain = image_toolchain()};
    ImageEntry none = {0, 0};

    buf_clear(out);
    buf_bytes(out, &header, sizeof header);
    for (uint32_t i = 0; i < count; i++) {
        buf_bytes(out, &none, sizeof none);
    }
}

static void set_entry(Buf *out, uint32_t index, size_t offset)
{
    ImageEntry entry = {offset, out->size - offset};
    if (out->failed) return;
    memcpy(out->data + sizeof(ImageHeader) + index * sizeof entry, &entry, sizeof entry);
}

static bool finish_image(Buf *out)
{
    ImageHeader header;

    if (out->failed) return false;
    memcpy(&header, out->data, sizeof header);
    header.size = out->size;
    header.content = hash_content(out->data + sizeof header, out->size - sizeof header);
    memcpy(out->data, &header, sizeof header);
    return true;
}

bool image_merge(Buf *out, const ImageView *images, uint32_t count)
{
    uint32_t modules = 0, index = 0;

    for (uint32_t i = 0; i < count; i++) {
        modules += images[i].module_count;
    }
    start_image(out, modules);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < images[i].module_count; j++) {
            const ImageEntry *e = &images[i].entries[j];
            size_t at = out->size;
            buf_bytes(out, images[i].bytes + e->offset, e->size);
            buf_align(out, 8);
            set_entry(out, index++, at);
        }
    }
    return finish_image(out);
}

bool image_write(Buf *out, ModuleWriter *const *modules, uint32_t count)
{
    start_image(out, count);
    for (uint32_t i = 0; i < count; i++) {
        size_t at = out->size;
        if (!write_module(out, modules[i])) return false;
        set_entry(out, i, at);
    }
    return finish_image(out);
}

ContentHash image_toolchain(void)
{
    uint64_t low = IMAGE_VERSION, high = ~(uint64_t)IMAGE_VERSION;

    for (int i = 0; i < OP_COUNT; i++) {
        low = hash_bytes(&op_info[i].kind, sizeof op_info[i].kind, low ^ op_info[i].flags);
        low = hash_bytes(op_info[i].ext, strlen(op_info[i].ext), low);
        high = hash_bytes(op_info[i].name, strlen(op_info[i].name), high);
    }
    for (int i = 0; i < PRIM_COUNT; i++) {
        const PrimInfo *p = prim_info(i);
        low = hash_bytes(p->name, strlen(p->name), low ^ p->shape);
        high ^= (uint64_t)(uint8_t)p->min_args << 8 | (uint64_t)(uint8_t)p->max_args;
    }
    return (ContentHash){low, high};
}
