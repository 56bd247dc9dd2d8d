# SPDX-License-Identifier: MIT
#
# Markdown, as far as the READMEs of this tree use it, as mdoc(7): headings, paragraphs, lists, indented code, tables.
# A table becomes a list: the first cell is the tag, the others are told with their column's heading, and a column of
# crosses by that alone. Leaves out the heading of the page and the section "The code", which concerns readers of that.

function close_all() {
    if (state == "code") print ".Ed"
    if (state == "list" || state == "table") print ".El"
    state = ""
}

function enter(wanted, request) {
    headed = 0
    if (state == wanted) return 0
    close_all()
    state = wanted
    if (request != "") print request
    return 1
}

# `code` and **strong** in bold, [text](link) as the text; backslashes and what begins a request are escaped.
function inline(text,   out, part, n, parts, i) {
    while (match(text, /\[[^]]+\]\([^)]*\)/)) {
        part = substr(text, RSTART + 1, RLENGTH - 1)
        sub(/\].*/, "", part)
        text = substr(text, 1, RSTART - 1) part substr(text, RSTART + RLENGTH)
    }
    n = split(text, parts, "`")
    out = ""
    for (i = 1; i <= n; i++) {
        part = parts[i]
        gsub(/\\\|/, "|", part)
        gsub(/\\/, "\\e", part)
        if (i % 2 == 0) {
            part = "\\fB" part "\\fR"
        } else {
            while (match(part, /\*\*[^*]+\*\*/))
                part = substr(part, 1, RSTART - 1) "\\fB" substr(part, RSTART + 2, RLENGTH - 4) "\\fR" substr(part, RSTART + RLENGTH)
        }
        out = out part
    }
    return out
}

# A sentence begins a line of its own.
function text_print(text) {
    text = inline(text)
    gsub(/\. /, ".\n", text)
    gsub(/\n\./, "\n\\\\\\&.", text)
    if (text ~ /^[.']/) text = "\\&" text
    if (text != "") print text
}

# Words that could be macros, or quotes, are made harmless.
function item_print(text,   words, n, i) {
    n = split(inline(text), words, " ")
    printf ".It"
    for (i = 1; i <= n; i++) {
        gsub(/"/, "\\(dq", words[i])
        printf " \\&%s", words[i]
    }
    print n == 0 ? " \\&" : ""
}

# A row of a table into cells[1 .. count].
function cells_split(row,   i) {
    sub(/^\| */, "", row)
    sub(/ *\|$/, "", row)
    gsub(/\\\|/, "\001", row)
    count = split(row, cells, / *\| */)
    for (i = 1; i <= count; i++) gsub(/\001/, "\\|", cells[i])
}

function row_print(row,   i, crosses, shown) {
    cells_split(row)
    item_print(cells[1])
    crosses = ""
    for (i = 2; i < count; i++)
        if (cells[i] == "x") crosses = crosses (crosses == "" ? "" : ", ") "`" headings[i] "`"
    shown = crosses == "" ? 0 : 1
    if (shown) text_print(crosses ": " cells[count])
    for (i = 2; i <= count; i++) {
        if (cells[i] == "" || cells[i] == "x" || (shown && i == count)) continue
        if (i > 2 && count > 2) print ".br"
        text_print((count > 2 && headings[i] != "" && headings[i] !~ /^answers/ ? headings[i] ": " : "") cells[i])
    }
}

BEGIN { headed = 1 }

/^# / { next }
/^## / { skipped = ($0 == "## The code") }
skipped { next }

/^## / { close_all(); headed = 1; paragraph = blank = 0; print ".Sh " toupper(substr($0, 4)); next }
/^### / { close_all(); headed = 1; paragraph = blank = 0; print ".Ss " substr($0, 5); next }

/^\|[-| ]+\|$/ && pending != "" {
    cells_split(pending)
    split("", headings)
    for (i = 1; i <= count; i++) headings[i] = cells[i]
    pending = ""
    enter("table", ".Bl -tag -width Ds")
    next
}
/^\|/ && state != "table" { pending = $0; next }
/^\|/ { row_print($0); next }

/^$/ { if (state != "") blank = 1; else paragraph = 1; if (state == "table") { close_all(); blank = 0 } next }

/^    / {
    if (enter("code", ".Bd -literal -offset indent")) blank = 0
    if (blank) print ""
    blank = 0
    line = substr($0, 5)
    gsub(/\\/, "\\e", line)
    if (line ~ /^[.']/) line = "\\&" line
    print line
    paragraph = 1
    next
}

/^- / {
    enter("list", ".Bl -bullet")
    print ".It"
    text_print(substr($0, 3))
    blank = 0
    next
}
/^  / && state == "list" { text_print(substr($0, 3)); next }

{
    close_all()
    if ((paragraph || blank) && !headed) print ".Pp"
    headed = paragraph = blank = 0
    text_print($0)
}

END { close_all() }
