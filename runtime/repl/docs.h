// The documentation of the standard library's names, as the REPL shows it. The table is made from
// the comments in the sources when etai is built (tools/dev/docs.sh).
#ifndef RUNTIME_REPL_DOCS_H
#define RUNTIME_REPL_DOCS_H

typedef struct {
    const char *name, *module, *text;
} DocEntry;

// Ends with an entry without a name. Linked with etai only.
extern const DocEntry doc_entries[];

#endif
