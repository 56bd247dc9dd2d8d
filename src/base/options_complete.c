/* SPDX-License-Identifier: MIT
 *
 * options_complete: a table of options as what completes the command line in bash, zsh and fish. See options.h.
 *
 * What an option takes is told from its kind, and from what its argument is called: PATH and FILE are files, DIRECTORY
 * is one, USER a user. Names of -o are completed one after another, behind commas.
 */
#include <ctype.h>
#include <string.h>

#include "options.h"
#include "options_text.h"

enum value {
    VALUE_NONE,
    VALUE_WORDS, /* those of `argument` */
    VALUE_FILE,
    VALUE_DIRECTORY,
    VALUE_USER,
    VALUE_NAMES, /* of -o */
    VALUE_OTHER, /* a number, an address: nobody can guess it */
};

static enum value value_of(const struct option *option) {
    static const struct {
        const char *argument;
        enum value value;
    } called[] = {
        {"PATH", VALUE_FILE}, {"FILE", VALUE_FILE}, {"DIRECTORY", VALUE_DIRECTORY}, {"USER", VALUE_USER}};
    if (option->argument == NULL) {
        return VALUE_NONE;
    }
    if (option->kind == OPTION_WORD || option->kind == OPTION_SHOW || option->kind == OPTION_MODE) {
        return VALUE_WORDS;
    }
    for (size_t i = 0; i < sizeof(called) / sizeof(called[0]); i++) {
        if (strcmp(option->argument, called[i].argument) == 0) {
            return called[i].value;
        }
    }
    return option->kind == OPTION_SUBOPTIONS ? VALUE_NAMES : VALUE_OTHER;
}

/* Whether it may be offered: what ends the start is not. */
static bool is_offered(const struct option *option) {
    return option->effect != EFFECT_REFUSED;
}

/* Whether it is offered where a flag is. */
static bool is_flag(const struct options_table *table, const struct option *option) {
    return is_offered(option) && !options_is_suboption(table, option);
}

static bool is_optional(const struct option *option) {
    return option_need(option) == OPTION_MAY_HAVE_VALUE;
}

/* "auto|ascii" as "auto ascii", with that separator. */
static void words_print(FILE *file, const char *argument, char separator) {
    for (; *argument != '\0'; argument++) {
        fputc(*argument == '|' ? separator : *argument, file);
    }
}

/* A program's name as one of a function: riposte_load. */
static void function_print(FILE *file, const char *program) {
    for (; *program != '\0'; program++) {
        fputc(isalnum((unsigned char)*program) ? *program : '_', file);
    }
}

/* "idle_timeout= modern no_modern ", with `separator` behind each. */
static void names_print(FILE *file, const struct options_table *table, char separator) {
    for (unsigned i = 0; i < table->options_count; i++) {
        const struct option *option = &table->options[i];
        if (options_is_suboption(table, option) && is_offered(option)) {
            bool needs_value = option_need(option) == OPTION_NEEDS_VALUE;
            fprintf(file, "%s%s%c", option->name, needs_value ? "=" : "", separator);
            if (options_is_negatable(option)) {
                fprintf(file, "no_%s%c", option->name, separator);
            }
        }
    }
}

/* --- bash -------------------------------------------------------------------------------------------------
 */

/* Bash splits --flag=value at the equal sign (COMP_WORDBREAKS), so that it is a word of its own. */
static const char bash_begin[] =
    "() {\n"
    "    local value=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]} equal=\n"
    "    COMPREPLY=()\n"
    "    if [[ $value == = ]]; then\n"
    "        value='' equal='='\n"
    "    elif [[ $flag == = ]]; then\n"
    "        flag=${COMP_WORDS[COMP_CWORD - 2]} equal='='\n"
    "    elif [[ $value == --*=* ]]; then\n"
    "        flag=${value%%=*} value=${value#*=} equal='='\n"
    "    fi\n"
    "    local IFS=$'\\n'\n"
    "    case $flag$equal in\n";

/* Behind it the flags, a line each. */
static const char bash_flags[] = "    *=) return ;;\n"
                                 "    esac\n"
                                 "    COMPREPLY=($(compgen -W '";

static const char bash_end[] = "' -- \"$value\"))\n"
                               "    if [[ ${COMPREPLY[0]} == *= ]]; then\n"
                               "        compopt -o nospace 2>/dev/null\n"
                               "    fi\n"
                               "}\n";

/* What makes the candidates; the words of a list stand a line each. */
static void bash_action_print(FILE *file, const struct options_table *table, const struct option *option) {
    static const char *const actions[] = {[VALUE_FILE] = "-f", [VALUE_DIRECTORY] = "-d", [VALUE_USER] = "-u"};
    enum value value = value_of(option);
    if (value == VALUE_OTHER) {
        fputs("return ;;\n", file);
        return;
    }
    fputs("COMPREPLY=($(compgen ", file);
    if (value == VALUE_WORDS) {
        fputs("-W '", file);
        words_print(file, option->argument, '\n');
        fputs("' -- \"$value\")); return ;;\n", file);
    } else if (value == VALUE_NAMES) {
        fputs("-P \"${value%\"${value##*,}\"}\" -W '", file);
        names_print(file, table, '\n');
        fputs("' -- \"${value##*,}\")); compopt -o nospace 2>/dev/null; return ;;\n", file);
    } else {
        fprintf(file, "%s -- \"$value\")); compopt -o filenames 2>/dev/null; return ;;\n", actions[value]);
    }
}

/* The branch for the value of a flag. What need not have one has it behind an equal sign only. */
static void bash_branch_print(FILE *file, const struct options_table *table, const struct option *option) {
    fputs("    ", file);
    if (!is_optional(option)) {
        if (option->letter != '\0') {
            fprintf(file, "-%c | ", option->letter);
        }
        fprintf(file, "--%s | ", option->name);
    }
    fprintf(file, "--%s=) ", option->name);
    bash_action_print(file, table, option);
}

static void bash_flag_print(FILE *file, const struct option *option) {
    if (option->letter != '\0') {
        fprintf(file, "-%c\n", option->letter);
    }
    if (option->argument == NULL || is_optional(option)) {
        fprintf(file, "--%s\n", option->name);
    }
    if (option->argument != NULL) {
        fprintf(file, "--%s=\n", option->name);
    }
}

void options_help_bash(const struct options_table *table, FILE *file) {
    fprintf(file, "# Completes %s(1) in bash. Made by %s --help=bash.\n_", table->program, table->program);
    function_print(file, table->program);
    fputs(bash_begin, file);
    for (unsigned i = 0; i < table->options_count; i++) {
        if (is_flag(table, &table->options[i]) && table->options[i].argument != NULL) {
            bash_branch_print(file, table, &table->options[i]);
        }
    }
    fputs(bash_flags, file);
    for (unsigned i = 0; i < table->options_count; i++) {
        if (is_flag(table, &table->options[i])) {
            bash_flag_print(file, &table->options[i]);
        }
    }
    fputs(bash_end, file);
    fputs("complete -F _", file);
    function_print(file, table->program);
    fprintf(file, " %s\n", table->program);
}

/* --- zsh --------------------------------------------------------------------------------------------------
 */

/* Text within single quotes and brackets (zshcompsys(1), _arguments). */
static void zsh_text_print(FILE *file, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", file);
        } else {
            fprintf(file, "%s%c", memchr("[]:\\", *text, 4) != NULL ? "\\" : "", *text);
        }
    }
}

static void zsh_action_print(FILE *file, const struct options_table *table, const struct option *option) {
    static const char *const actions[] = {[VALUE_FILE] = "_files",
                                          [VALUE_DIRECTORY] = "_files -/",
                                          [VALUE_USER] = "_users",
                                          [VALUE_OTHER] = " "};
    enum value value = value_of(option);
    fputs(is_optional(option) ? "::" : ":", file);
    zsh_text_print(file, option->argument);
    fputs(":", file);
    if (value == VALUE_WORDS) {
        fputs("(", file);
        words_print(file, option->argument, ' ');
        fputs(")", file);
    } else if (value == VALUE_NAMES) {
        fputs("_sequence compadd - ", file);
        names_print(file, table, ' ');
    } else {
        fputs(actions[value], file);
    }
}

/* '(-p --port)'{-p+,--port=}'[help]:PORT: ' */
static void zsh_spec_print(FILE *file, const struct options_table *table, const struct option *option) {
    const char *attached = option->argument == NULL ? "" : is_optional(option) ? "=-" : "=";
    bool again =
        option->kind == OPTION_REPEAT || option->kind == OPTION_LIST || option->kind == OPTION_SUBOPTIONS;
    if (option->letter == '\0') {
        fprintf(file, "        '%s--%s%s[", again ? "*" : "", option->name, attached);
    } else {
        fputs("        ", file);
        if (again) {
            fputs("'*'", file);
        } else {
            fprintf(file, "'(-%c --%s)'", option->letter, option->name);
        }
        fprintf(file, "{-%c%s,--%s%s}'[", option->letter, *attached == '\0' || is_optional(option) ? "" : "+",
                option->name, attached);
    }
    zsh_text_print(file, option->help);
    fputs("]", file);
    if (option->argument != NULL) {
        zsh_action_print(file, table, option);
    }
    fputs("' \\\n", file);
}

void options_help_zsh(const struct options_table *table, FILE *file) {
    fprintf(file, "#compdef %s\n# Completes %s(1) in zsh. Made by %s --help=zsh.\n_", table->program,
            table->program, table->program);
    function_print(file, table->program);
    fputs("() {\n    _arguments -s -S \\\n", file);
    for (unsigned i = 0; i < table->options_count; i++) {
        if (is_flag(table, &table->options[i])) {
            zsh_spec_print(file, table, &table->options[i]);
        }
    }
    fputs(table->operand == NULL ? "        && return\n}\n" : "        '*:target: ' && return\n}\n", file);
    /* zsh calls the file by its name; a shell that sources it has it registered. */
    fprintf(file, "if [[ $funcstack[1] == _%s ]]; then\n    _", table->program);
    function_print(file, table->program);
    fputs(" \"$@\"\nelse\n    compdef _", file);
    function_print(file, table->program);
    fprintf(file, " %s\nfi\n", table->program);
}

/* --- fish -------------------------------------------------------------------------------------------------
 */

static void fish_text_print(FILE *file, const char *text) {
    for (; *text != '\0'; text++) {
        fprintf(file, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
    }
}

static void fish_value_print(FILE *file, const struct options_table *table, const struct option *option) {
    static const char *const actions[] = {
        [VALUE_NONE] = "",
        [VALUE_FILE] = " -r -F",
        [VALUE_DIRECTORY] = " -x -a '(__fish_complete_directories)'",
        [VALUE_USER] = " -x -a '(__fish_complete_users)'",
        [VALUE_OTHER] = " -x",
    };
    enum value value = value_of(option);
    if (value == VALUE_WORDS) {
        fprintf(file, "%s -a '", is_optional(option) ? "" : " -x");
        words_print(file, option->argument, ' ');
        fputs("'", file);
    } else if (value == VALUE_NAMES) {
        fputs(" -x -a '(__fish_complete_list , __", file);
        function_print(file, table->program);
        fputs("_names)'", file);
    } else {
        fputs(actions[value], file);
    }
}

static void fish_flag_print(FILE *file, const struct options_table *table, const struct option *option) {
    fprintf(file, "complete -c %s", table->program);
    if (option->letter != '\0') {
        fprintf(file, " -s %c", option->letter);
    }
    fprintf(file, " -l %s", option->name);
    fish_value_print(file, table, option);
    fputs(" -d '", file);
    fish_text_print(file, option->help);
    fputs("'\n", file);
}

void options_help_fish(const struct options_table *table, FILE *file) {
    fprintf(file, "# Completes %s(1) in fish. Made by %s --help=fish.\nfunction __", table->program,
            table->program);
    function_print(file, table->program);
    fputs("_names\n    printf '%s\\n' ", file);
    names_print(file, table, ' ');
    fprintf(file, "\nend\ncomplete -c %s -f\n", table->program);
    for (unsigned i = 0; i < table->options_count; i++) {
        if (is_flag(table, &table->options[i])) {
            fish_flag_print(file, table, &table->options[i]);
        }
    }
}
