"""tools/check-rooms and tools/check-words object to what they should, and to nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"

TABLE = """# A project

| not | the | table |
|---|---|---|
| cmd | of rooms | all |

## Rooms

| room | its one responsibility | may use |
|---|---|---|
| base | hold bytes | - |
| codec | turn bytes | base |
| pki | be the certificate | base codec |

Other text.
"""

GOOD = """#include "base/buf.h"

/* strcpy() and goto are only spoken of here. */
static enum rc
add(struct buf *buf)
{
	TRY(buf_add_str(buf, "goto strcpy(", NULL));
	return RC_OK;
}
"""


def tree(tmp_path, **files):
    """A project with the table, good sources, and the files given (codec__a_c is src/codec/a.c)."""
    (tmp_path / "ARCHITECTURE.md").write_text(TABLE)
    contents = {"src/base/buf.h": "", "src/codec/a.c": GOOD, "cmd/main.c": '#include "pki/x.h"\n#include "cmd/home.h"\n'}
    contents.update({name.replace("__", "/").replace("_c", ".c"): text for name, text in files.items()})
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(tool, where):
    done = subprocess.run([sys.executable, TOOLS / tool, where], capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("tool", ["check-rooms", "check-words"])
def test_a_clean_tree_passes_in_silence(tmp_path, tool):
    assert run(tool, tree(tmp_path)) == (0, [])


@pytest.mark.parametrize("include, why", [
    ("pki/cert.h", "codec may not use pki"),
    ("attic/old.h", "attic is not in the table of rooms"),
    ("buf.h", '"buf.h" does not name its room'),
    ("base/buf_priv.h", '"base/buf_priv.h" is private to base'),
    ("../pki/cert.h", ".. is not in the table of rooms"),
    ("cmd/main.h", "no room may use cmd"),
])
def test_an_include_that_the_table_does_not_allow_is_named(tmp_path, include, why):
    where = tree(tmp_path, src__codec__b_c=f'\n#include <stdio.h>\n  # include "{include}"\n')
    assert run("check-rooms", where) == (1, [f"src/codec/b.c:3: {why}"])


def test_tests_obey_the_table_too(tmp_path):
    where = tree(tmp_path)
    (where / "src/codec/a_test.c").write_text('#include "pki/x.h"\n')
    assert run("check-rooms", where) == (1, ["src/codec/a_test.c:1: codec may not use pki"])


def test_a_room_may_use_its_own_private_headers_and_a_program_none(tmp_path):
    where = tree(tmp_path, src__pki__b_c='#include "pki/b_priv.h"\n',
                 cmd__b_c='#include "pki/b_priv.h"\n')
    assert run("check-rooms", where) == (1, ['cmd/b.c:1: "pki/b_priv.h" is private to pki'])


def test_a_folder_that_is_not_in_the_table_is_no_room(tmp_path):
    where = tree(tmp_path, src__attic__b_c="")
    assert run("check-rooms", where) == (1, ["src/attic/b.c: is in no room of the table"])


def test_a_row_may_list_only_rooms_above_it(tmp_path):
    where = tree(tmp_path)
    (where / "ARCHITECTURE.md").write_text(TABLE.replace("| hold bytes | - |", "| hold bytes | pki |"))
    code, lines = run("check-rooms", where)
    assert (code, lines) == (1, ["ARCHITECTURE.md:11: base may use pki, which is no room above it"])


def test_without_a_table_nothing_passes(tmp_path):
    where = tree(tmp_path)
    (where / "ARCHITECTURE.md").write_text("# A project\n")
    code, lines = run("check-rooms", where)
    assert code == 1
    assert "ARCHITECTURE.md: no table of rooms" in lines


@pytest.mark.parametrize("line, why", [
    ("\tstrcpy(a, b);", "strcpy()"),
    ("\tstrncpy(a, b, 1);", "strncpy()"),
    ("\tstrcat(a, b);", "strcat()"),
    ("\tsprintf (a, b);", "sprintf()"),
    ("\tstrtok(a, b);", "strtok()"),
    ("\tn = atoi(a);", "atoi()"),
    ("\tn = atol(a);", "atol()"),
    ("\tgets(a);", "gets()"),
    ("\tgoto out;", "goto"),
    ("\tif (!memcmp(a, b, 1))", "memcmp()"),
    ("\t/* TODO: later */", "TODO"),
    ("\t// FIXME", "FIXME"),
    ("\t/* XXX */", "XXX"),
    ("\tint a; ", "blanks"),
    ("\tint a;\t", "blanks"),
])
def test_a_word_that_is_not_used_here_is_named(tmp_path, line, why):
    where = tree(tmp_path, src__codec__b_c=f"void\nf(void)\n{{\n{line}\n}}\n")
    code, lines = run("check-words", where)
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"src/codec/b.c:4: {why}")


@pytest.mark.parametrize("line", [
    "\tsnprintf(a, 1, b);", "\tfgets(a);", '\tputs("strcpy(goto");', "\tfoo_strcpy(a);",
    "\t/* two lines\n\t * with memcmp() */", "\tCRYPTO_memcmp(a, b, 1);", "\tc = '\"'; /* atoi( */",
    '\ttemplate = "XXXXXX";'])
def test_what_only_looks_like_such_a_word_passes(tmp_path, line):
    where = tree(tmp_path, src__codec__b_c=f"void\nf(void)\n{{\n{line}\n}}\n")
    assert run("check-words", where) == (0, [])


@pytest.mark.parametrize("returns, code", [
    ("static enum rc", 0), ("enum rc", 0), ("static bool", 1), ("int", 1), ("static struct span", 1)])
def test_try_stands_only_where_an_rc_is_returned(tmp_path, returns, code):
    before = "enum rc\nother(void)\n{\n}\n\n"
    where = tree(tmp_path, src__codec__b_c=f"{before}{returns}\nf(int a,\n    int b)\n{{\n\tTRY(g());\n}}\n")
    want = [f"src/codec/b.c:10: TRY() in a function that returns {returns}"] if code else []
    assert run("check-words", where) == (code, want)


def test_memcmp_is_for_the_files_that_are_listed(tmp_path):
    where = tree(tmp_path, src__base__span_c="bool\nf(void)\n{\n\treturn memcmp(a, b, 1);\n}\n")
    assert run("check-words", where) == (0, [])
