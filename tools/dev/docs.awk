# Reads the sources of the standard library and collects what the public modules export, with the `;;;`
# comments that stand directly before the definitions. -v mode=check, md (with -v folder=), c, or names.
# The first files are compiler/syntax/forms.def, as names of core forms are documented by the language, and
# examples.txt, the modules whose exports need no example, wherever they are exported.
#
# A comment documents the definition behind it, and the names of calls that its lines begin with. What a
# module only passes on is documented where it is defined: in what it imports. A module whose purpose says
# Private is none of the public ones.

function is_private(module) {
    return module ~ /^std\.(base\..*|kernel|boot|repl)$/ || purpose[module] ~ /Private/
}

function note(name) {
    if (block != "" && !((module, name) in doc)) {
        doc[module, name] = block
    }
}

# The word that begins at the front of the text, "" if there is none.
function word(text) {
    return match(text, /^[^][ ()";]+/) ? substr(text, 1, RLENGTH) : ""
}

function note_definition(line,   rest) {
    sub(/^ *\(/, "", line)
    rest = line
    if (rest ~ /^define-syntax/) keyword[module, word(substr(rest, 15))] = 1
    if (rest ~ /^define/) sub(/^[^ ]+ +\(*/, "", rest)
    if (word(rest) != "") note(word(rest))
}

function note_calls(   i, count, lines, name) {
    count = split(block, lines, "\n")
    for (i = 1; i <= count; i++) {
        name = lines[i] ~ /^\(/ ? word(substr(lines[i], 2)) : ""
        if (name != "") note(name)
    }
}

function begin_file() {
    module = ""
    block = ""
    in_export = in_import = depth = 0
}

function add_exports(line,   i, c, token) {
    sub(/;.*/, "", line)
    gsub(/\(/, " ( ", line)
    gsub(/\)/, " ) ", line)
    n_tokens = split(line, tokens, " ")
    for (i = 1; i <= n_tokens && in_export; i++) {
        token = tokens[i]
        if (token == "(") {
            depth++
        } else if (token == ")") {
            if (--depth == 0) in_export = 0
        } else if (depth == 1) {
            exports[module, ++export_count[module]] = token
        } else if (token == "rename") {
            original[module, tokens[i + 2]] = tokens[i + 1]
            exports[module, ++export_count[module]] = tokens[i + 2]
            i += 2
        }
    }
}

# Every name in an import form that is no word of import sets: too many do no harm.
function add_imports(line,   i, n, parts) {
    sub(/;.*/, "", line)
    if (depth == 0) sub(/^ */, "", line)
    for (i = 1; i <= length(line); i++) {
        depth += (substr(line, i, 1) == "(") - (substr(line, i, 1) == ")")
        if (depth == 0) break
    }
    in_import = depth > 0
    line = substr(line, 1, i)
    while (match(line, /\((scheme|srfi|std)[^()]*\)/)) {
        parts = substr(line, RSTART + 1, RLENGTH - 2)
        gsub(/ +/, ".", parts)
        imports[module] = imports[module] " " parts
        line = substr(line, 1, RSTART - 1) " " substr(line, RSTART + RLENGTH)
    }
    gsub(/[()]/, " ", line)
    imports[module] = imports[module] " " line
}

FNR == 1 { begin_file() }

FILENAME ~ /examples\.txt$/ {
    if ($1 !~ /^#/) incomplete[$1] = 1
    next
}

FILENAME ~ /\.def$/ {
    if (match($0, /^FORM\([a-z_]*, *"[^"]*"/)) {
        line = substr($0, 1, RLENGTH - 1)
        sub(/.*"/, "", line)
        form[line] = 1
    }
    next
}

/^\(module / || /^\(define-library / {
    name = $0
    sub(/^\((module|define-library) +/, "", name)
    if (name ~ /^\(/) {
        sub(/^\(/, "", name)
        sub(/\).*/, "", name)
        gsub(/ +/, ".", name)
    } else {
        name = word(name)
    }
    module = name
    modules[++module_count] = name
    purpose[name] = block
    block = ""
    next
}

# Exports that a comment stands before: their definitions are in the compiler.
in_export && /^ *;;;/ {
    line = $0
    sub(/^ *;;; ?/, "", line)
    block = block line "\n"
    next
}

in_export {
    if (block != "") {
        line = $0
        sub(/^ *\(rename +[^ ]+ +/, "", line)
        sub(/^ */, "", line)
        in_compiler[module, word(line)] = 1
    }
    note_calls()
    block = ""
    add_exports($0)
    next
}

in_import { add_imports($0); next }

module != "" && /^ *\(import/ {
    depth = 0
    add_imports($0)
    block = ""
    next
}

/^ *\(export/ {
    in_export = 1
    depth = 0
    line = $0
    sub(/^ *\(export/, "(", line)
    add_exports(line)
    block = ""
    next
}

/^ *;;;/ {
    line = $0
    sub(/^ *;;; ?/, "", line)
    block = block line "\n"
    next
}

module == "" { next }

{
    if (block != "") {
        note_definition($0)
        note_calls()
    }
    block = ""
}

# ---- what is asked for --------------------------------------------------------------------------------

# What a module says about a name, or else one of those that it imports, or that those import.
function find_text(m, name, level,   i, n, list, text) {
    if ((m, name) in doc) return doc[m, name]
    n = level ? split(imports[m], list, " ") : 0
    for (i = 1; i <= n; i++) {
        if (list[i] == m) continue
        text = find_text(list[i], name, level - 1)
        if (text != "") return text
    }
    return ""
}

function text_of(m, name,   text) {
    text = find_text(m, name, 2)
    if (text == "" && (m, name) in original) text = find_text(m, original[m, name], 2)
    return text
}

function c_string(text) {
    gsub(/\\/, "&&", text)
    gsub(/"/, "\\\"", text)
    gsub(/\n/, "\\n", text)
    return "\"" text "\""
}

function plain_lines(text) {
    sub(/\n+$/, "", text)
    return text
}

function check(   i, j, m, name, bad, text) {
    for (m in incomplete) for (j = 1; j <= export_count[m]; j++) excused[exports[m, j]] = 1
    for (i = 1; i <= module_count; i++) {
        m = modules[i]
        if (is_private(m)) continue
        for (j = 1; j <= export_count[m]; j++) {
            name = exports[m, j]
            if (name in form) continue
            total++
            text = text_of(m, name)
            if (text != "" && (name in excused || text ~ /(^|\n)  +[^\n]/)) continue
            print m ": " name " has no " (text == "" ? "doc comment" : "example")
            bad++
        }
    }
    printf "%d passed, %d failed\n", total - bad, bad
    exit bad > 0
}

# ---- Markdown: prose as paragraphs, signatures and examples as code -----------------------------------

function escaped(text) {
    gsub(/[\\*_<>\[\]]/, "\\\\&", text)
    if (gsub(/`/, "`", text) % 2) gsub(/`/, "\\`", text)
    return text
}

# How long the call is that the text begins with, its brackets balanced; 0 if it begins with none.
function call_length(text,   i, c, level) {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        level += (c == "(") - (c == ")")
        if (level <= 0) return c == ")" ? i : 0
    }
    return 0
}

function paragraph(text, name,   n) {
    if (text == "") return ""
    n = call_length(text)
    if (!n && name != "" && index(text, name " ") == 1) n = length(name)
    return (n ? "`" substr(text, 1, n) "`" : "") escaped(substr(text, n + 1)) "\n\n"
}

# Notes import sets of examples, each once and not the page's own module.
function also_import(sets,   form) {
    while (match(sets, /^(\([^)]*\)|[^ ]+) */)) {
        form = substr(sets, 1, RLENGTH)
        sub(/ +$/, "", form)
        if (form != import_form(page_of) && !((page_of, form) in also_known)) {
            also_known[page_of, form] = 1
            also_imported = also_imported " " form
        }
        sets = substr(sets, RLENGTH + 1)
    }
}

# The comment of a name. What its examples import goes to also_imported.
function entry(text, name,   i, n, lines, prose, code, page, line, more) {
    n = split(plain_lines(text), lines, "\n")
    for (i = 1; i <= n + 1; i++) {
        line = i > n ? "" : lines[i]
        more = line ~ /^  /
        if (code != "" && !more) {
            page = page "```scheme\n" code "```\n\n"
            code = ""
        }
        if (more && line ~ /^ *\(import [^)]*\)*$/) {
            sub(/^ *\(import /, "", line)
            sub(/\)$/, "", line)
            also_import(line)
            continue
        }
        if (more || line == "" || (line ~ /^\(/ && prose ~ /\.$/)) {
            page = page paragraph(prose, name)
            prose = ""
        }
        if (more) code = code substr(line, 3) "\n"
        else prose = prose (prose == "" ? "" : " ") line
    }
    return page
}

function import_form(m) {
    if (m ~ /^(scheme|srfi)\./) gsub(/\./, " ", m)
    return m ~ / / ? "(" m ")" : m
}

# What a module says of itself, without its name at the begin; indented lines are tables.
function introduction(m,   text, i, n, lines, prose, code, page) {
    text = plain_lines(purpose[m])
    sub(/^([a-z0-9_.-]+|\([a-z0-9 -]+\)): /, "", text)
    if (text !~ /^[a-z]+\./) text = toupper(substr(text, 1, 1)) substr(text, 2)
    n = split(text, lines, "\n")
    for (i = 1; i <= n + 1; i++) {
        if (i <= n && lines[i] ~ /^  /) {
            code = code substr(lines[i], 3) "\n"
            continue
        }
        if (code != "" || i > n || lines[i] == "") {
            if (prose != "") page = page escaped(prose) "\n\n"
            if (code != "") page = page "```\n" code "```\n\n"
            prose = code = ""
        }
        if (i <= n) prose = prose (prose == "" || lines[i] == "" ? "" : " ") lines[i]
    }
    return page
}

function write_page(m, file,   i, name, forms, page) {
    page = also_imported = ""
    page_of = m
    for (i = 1; i <= export_count[m]; i++) {
        name = exports[m, i]
        if (name in form) forms = forms " `" name "`"
        else page = page "## " escaped(name) "\n\n" entry(text_of(m, name), name)
    }
    printf "# %s\n\n%s", escaped(m), introduction(m) > file
    if (m != "std.defaults") printf "```scheme\n(import %s)\n```\n\n", import_form(m) > file
    if (also_imported != "") printf "The examples also import `%s`.\n\n", substr(also_imported, 2) > file
    printf "%s", page > file
    if (forms != "") printf "## Syntax of the language\n\n%s\n", substr(forms, 2) > file
    close(file)
}

function write_pages(   i, m, line) {
    print "# The standard library\n" > (folder "/index.md")
    for (i = 1; i <= module_count; i++) {
        m = modules[i]
        if (is_private(m)) continue
        write_page(m, folder "/" m ".md")
        line = introduction(m)
        sub(/\n.*/, "", line)
        sub(/\. .*/, ".", line)
        printf "- [%s](%s.md): %s\n", escaped(m), m, line > (folder "/index.md")
    }
}

# Each name once, from the first module that exports it.
function write_table(   i, j, m, name, text) {
    print "// Made by tools/dev/docs.sh from the comments of the standard library."
    print "#include \"runtime/repl/docs.h\"\n\nconst DocEntry doc_entries[] = {"
    for (i = 1; i <= module_count; i++) {
        m = modules[i]
        if (is_private(m)) continue
        for (j = 1; j <= export_count[m]; j++) {
            name = exports[m, j]
            text = plain_lines(text_of(m, name))
            if (name in form || text == "" || (name, text) in written) continue
            written[name, text] = 1
            printf "    {%s, %s,\n     %s},\n", c_string(name), c_string(m), c_string(text)
        }
    }
    print "    {0, 0, 0},\n};"
}

# `MODULE NAME` for what modules define with a comment and programs see, but for keywords. What a module of
# std.base gives to others of the library only is left out.
function write_names(   i, j, m, name, public) {
    for (i = 1; i <= module_count; i++) {
        m = modules[i]
        if (!is_private(m)) for (j = 1; j <= export_count[m]; j++) public[exports[m, j]] = 1
    }
    for (i = 1; i <= module_count; i++) {
        m = modules[i]
        if (m == "std.repl") continue
        for (j = 1; j <= export_count[m]; j++) {
            name = exports[m, j]
            if (!((m, name) in doc) || name in form || (m, name) in keyword) continue
            if ((m, name) in in_compiler || (is_private(m) && !(name in public))) continue
            print m, name
        }
    }
}

END {
    if (mode == "check") check()
    if (mode == "names") write_names()
    if (mode == "md") write_pages()
    if (mode == "c") write_table()
}
