// The image format: what the compiler writes and the loader reads, bytes only.
//
//   ImageHeader | ImageEntry[module_count] | module | module | ...
//
// All integers are little-endian, all tables are arrays of fixed-width rows that are used in place,
// every offset is relative to its module and 8-aligned. Code words name literals, cells, codes and
// natives by index; the linker copies the code and puts addresses there. See vm/doc/images.md.
#ifndef VM_IMAGE_IMAGE_H
#define VM_IMAGE_IMAGE_H

#include "vm/base/buf.h"
#include "vm/base/hash.h"
#include "vm/image/op.h"

#define IMAGE_MAGIC   0x0A474D4941544500u // "\0ETAIMG\n" read as a little-endian word
#define IMAGE_VERSION 1u

typedef struct {
    uint64_t magic;
    uint32_t version;
    uint32_t module_count;
    uint64_t size;         // of the whole image
    ContentHash content;   // of everything after this header
    ContentHash toolchain; // of the tables (opcodes, primitives) it was compiled against
    uint64_t reserved;
} ImageHeader;

typedef struct {
    uint64_t offset, size; // of one module, from the start of the image
} ImageEntry;

typedef struct {
    uint32_t offset, size; // bytes in the module's text section
} ImageText;

typedef enum {
    SECTION_TEXT,      // bytes
    SECTION_IMPORTS,   // ImageImport
    SECTION_CELLS,     // ImageCell
    SECTION_NATIVES,   // ImageNative
    SECTION_CODES,     // ImageCode
    SECTION_WORDS,     // uint64_t instruction words
    SECTION_SAFE,      // ImageSafe, by pc
    SECTION_LABELS,    // ImageLabel, by pc
    SECTION_MASKS,     // uint32_t: wide masks
    SECTION_LITERALS,  // bytes: literal_count terms
    SECTION_INTERFACE, // bytes: for the compiler
    SECTION_COUNT
} ImageSection;

enum {
    MODULE_PROGRAM = 1, // the top-level forms of a file
    MODULE_OPEN = 2,    // interactive: nothing may be assumed about its variables
    MODULE_STDLIB = 4,  // of the standard library: errors are shown where the program called it
};

typedef struct {
    uint32_t flags;
    uint32_t literal_count;
    uint32_t init_code; // index of the code that runs the body
    uint32_t main_cell; // 1 + index of the cell of `main`; 0: none
    ImageText name;
    ImageText source_path;
    ContentHash source; // hash of the source text, to tell whether the file still is that text
    ContentHash interface;
    struct {
        uint32_t offset, count; // count of rows
    } sections[SECTION_COUNT];
} ImageModule;

typedef struct {
    ImageText name;
    ContentHash interface; // of the module it was compiled against
} ImageImport;

enum {
    CELL_HERE = 1,     // defined by this module
    CELL_ASSIGNED = 2, // some set! names it: private data from the start
    CELL_EXPORTED = 4,
    CELL_OPEN = 8, // of an interactive module
};

typedef struct {
    ImageText module; // of CELL_HERE: empty
    ImageText name;
    uint32_t flags;
} ImageCell;

typedef struct {
    uint32_t prim; // PrimId: stable, because images of another primitive table are refused
} ImageNative;

typedef struct {
    ImageText name; // empty: anonymous
    uint32_t start, count; // words
    uint16_t free_count;
    uint16_t clause_count;
    uint32_t line, column; // of the definition
} ImageCode;

typedef struct {
    uint32_t pc; // word index in the module
    uint32_t mask;
    uint32_t line; // 0: no place
    uint16_t column;
    uint16_t end_line_delta;
    uint16_t end_column;
    uint16_t reserved;
} ImageSafe;

typedef struct {
    uint32_t pc;
    uint32_t mask;
} ImageLabel;

STATIC_ASSERT(sizeof(ImageHeader) == 64, "image header layout");
STATIC_ASSERT(sizeof(ImageCode) == 28, "image code row layout");
STATIC_ASSERT(sizeof(ImageSafe) == 20, "image safepoint row layout");

// ---- reading --------------------------------------------------------------------------------

// One module of an image, opened: pointers into the image bytes, bounds checked.
typedef struct {
    const uint8_t *base; // start of the module
    const ImageModule *head;
    const char *text;
    size_t text_size;
    const ImageImport *imports;
    const ImageCell *cells;
    const ImageNative *natives;
    const ImageCode *codes;
    const uint64_t *words;
    const ImageSafe *safe;
    const ImageLabel *labels;
    const uint32_t *masks;
    const uint8_t *literals, *interface;
    uint32_t import_count, cell_count, native_count, code_count, word_count, safe_count;
    uint32_t label_count, mask_count, literal_bytes, interface_bytes;
} ModuleView;

typedef struct {
    const uint8_t *bytes;
    size_t size;
    const ImageEntry *entries;
    uint32_t module_count;
} ImageView;

// Checks header, version, size, content hash and the bounds of every section. `trusted` skips the
// hashing (the embedded image). On failure false, and a static text in *why.
MUST_USE bool image_open(ImageView *view, const void *bytes, size_t size, bool trusted,
                         const char **why);
MUST_USE bool image_module(const ImageView *view, uint32_t index, ModuleView *module,
                           const char **why);

// True when the bytes begin as an image does (the magic), whatever the rest is.
bool image_has_magic(const void *bytes, size_t size);

// A stretch of the text section. Checked: out of bounds gives NULL.
const char *image_text(const ModuleView *m, ImageText text, size_t *size);

// ---- verification ---------------------------------------------------------------------------

// Proves that running the module's code keeps to its frames: operands in range, targets on
// instruction starts, every slot set before it is read or listed in a safepoint's mask, windows and
// calls inside the frame. What it proves is listed at the top of verify.c. On failure false and a
// text in `why`.
MUST_USE bool image_verify(const ModuleView *m, char *why, size_t why_size);

// ---- writing --------------------------------------------------------------------------------

// The tables of one module, as the code generator fills them.
typedef struct {
    ImageModule head; // sections are filled by image_add_module
    Buf sections[SECTION_COUNT];
} ModuleWriter;

void module_writer_init(ModuleWriter *w);
void module_writer_free(ModuleWriter *w);
ImageText module_writer_text(ModuleWriter *w, const char *text, size_t size);

// Puts the modules into one image. False when memory ran out.
MUST_USE bool image_write(Buf *out, ModuleWriter *const *modules, uint32_t count);

// Puts the modules of several images, in order, into one. False when memory ran out.
MUST_USE bool image_merge(Buf *out, const ImageView *images, uint32_t count);

// ---- listing --------------------------------------------------------------------------------

// Appends a readable listing of the module's code. The module must have been verified.
void image_disassemble(Buf *out, const ModuleView *m);

// Hash of the opcode and primitive tables: images made against others are refused.
ContentHash image_toolchain(void);

#endif
