# SPDX-License-Identifier: MIT
"""Names, headers, riposte.pc and the installed files themselves."""

import os
import shutil

from harness.outcome import Skip, check, check_equal
from installation import PREFIX, Installation, run

USE_FROM_CXX = """
#include <syslog.h>
#include <riposte/engine.h>
#include <riposte/memcached.h>
#include <riposte/store.h>

/* Names of the library's as names of the program's own. */
namespace own { int store_create() { return 1; } }
struct clock { int engine_stop; };

int main() {
    engine_config config;
    engine_config_init(&config);
    clock clock = {own::store_create()};
    return config.workers_count == 0 && clock.engine_stop == 1 && memcached_protocol.on_input != nullptr ? 0 : 1;
}
"""


def every_name_that_the_library_exports_begins_with_riposte(installation, lab):
    symbols = [line.split() for line in run(lab, "nm", "-g", "--defined-only", installation.path("lib", "libriposte.a"))
               .splitlines()]
    names = {words[2] for words in symbols if len(words) == 3}
    check("riposte_engine_create" in names, "riposte_engine_create is not there")
    check_equal([], sorted(name for name in names if not name.startswith("riposte_")), "names without the prefix")


def every_header_declares_under_the_names_of_the_library(installation, lab):
    """What a header declares and the library has is called riposte_ by whoever includes just this header."""
    for header in installation.headers():
        with open(installation.path("include", "riposte", header), encoding="utf-8") as file:
            text = file.read()
        check(header == "names.h" or '#include "riposte/names.h"' in text, f"{header} does not include names.h")


def headers_compile_alone_as_c_and_as_cxx(installation, lab):
    """Each alone, behind <syslog.h>, as ISO C17 and C++17, without a warning."""
    compilers = [("cc", "c", "-std=c17")]
    compilers += [(name, "c++", "-std=c++17") for name in ("g++", "clang++") if shutil.which(name)]
    flags = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic-errors", "-Wno-unused-function"]
    for compiler, language, standard in compilers:
        for header in installation.headers():
            run(lab, compiler, standard, *flags, *installation.pkg_config(lab, "--cflags"), "-x", language,
                "-include", "syslog.h", "-include", f"riposte/{header}", "/dev/null")
    if len(compilers) == 1:
        raise Skip("no C++ compiler is installed (Debian package g++)")


def a_program_in_cxx_links_and_keeps_its_own_names(installation, lab):
    source, program = os.path.join(lab.folder, "use.cc"), os.path.join(lab.folder, "use")
    with open(source, "w", encoding="ascii") as file:
        file.write(USE_FROM_CXX)
    installation.compile(lab, lab.need("g++", "g++"), [source], program, "-std=c++17")
    run(lab, program)


def the_example_includes_public_headers_only(installation, lab):
    """It was compiled without any other folder of this tree; its words say so, too."""
    folder = os.path.dirname(os.path.abspath(__file__))
    names = [name for name in os.listdir(folder) if name.endswith((".c", ".h"))]
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            own = {line.split('"')[1] for line in file if line.startswith('#include "')}
        check(own <= set(names), f"{name} includes headers that are not installed: {sorted(own - set(names))}")


def the_installation_may_be_moved(installation, lab):
    """riposte.pc finds its prefix from its own place."""
    moved = os.path.join(lab.folder, "an other place")
    shutil.copytree(installation.prefix, moved)
    words = installation.pkg_config(lab, "--cflags", "--libs", prefix=moved)
    folders = {os.path.realpath(word[2:]) for word in words if word[:2] in ("-I", "-L")}
    wanted = {os.path.realpath(os.path.join(moved, name)) for name in ("include", "lib")}
    check(wanted <= folders, f"pkg-config looks in {sorted(folders)}")
    check(not any(folder.startswith(os.path.realpath(installation.prefix)) for folder in folders),
          f"pkg-config looks where it was before: {sorted(folders)}")


def the_installed_programs_run(installation, lab):
    for program in ("riposte", "riposte-load"):
        check(run(lab, installation.path("bin", program), "--help"), f"{program} --help says nothing")


def the_units_start_what_was_installed(installation, lab):
    """Where systemd looks when the rest is below this prefix."""
    with open(installation.path("lib", "systemd", "system", "riposte.service"), encoding="utf-8") as file:
        text = file.read()
    check(f"\nExecStart={PREFIX}/bin/riposte $RIPOSTE_FLAGS\n" in text, "ExecStart= is another program")
    check(os.path.exists(installation.path("lib", "systemd", "system", "riposte.socket")), "there is no riposte.socket")


def uninstall_removes_what_install_has_put_there(installation, lab):
    """And nothing else: what was there before stays."""
    other = Installation(os.path.join(lab.folder, "to go"))
    before = other.path("lib", "libother.a")
    os.makedirs(os.path.dirname(before))
    with open(before, "w", encoding="ascii"):
        pass
    other.make(lab, "install")
    other.make(lab, "uninstall")
    left = [os.path.join(folder, name) for folder, _, names in os.walk(other.destination) for name in names]
    check_equal([before], left, "files that are left")


TESTS = (
    every_name_that_the_library_exports_begins_with_riposte,
    every_header_declares_under_the_names_of_the_library,
    headers_compile_alone_as_c_and_as_cxx,
    a_program_in_cxx_links_and_keeps_its_own_names,
    the_example_includes_public_headers_only,
    the_installation_may_be_moved,
    the_installed_programs_run,
    the_units_start_what_was_installed,
    uninstall_removes_what_install_has_put_there,
)
