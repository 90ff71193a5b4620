"""tools/check-docs objects to what is not there, and to nothing else; and the manual pages render."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

VERDICT = """static const struct rule rules[] = {
    {stolen, VERDICT_DANGER, "cert.stolen", NULL,
	"The key of %s was "
	"stolen.", about_signer},
    {invalid, VERDICT_UNSIGNED, NULL, reason_of, "Its signature is bad.", NULL},
};
	add_reason(ret, "tst.none");
"""
ROWS = """| verdict | when | reason | sentence |
|---|---|---|---|
| danger | the key was stolen | `cert.stolen` | The key of *signer* was stolen. |
| unsigned | not valid | `sig.bad` | Its signature is bad. |

`tst.none`: no time is proven.
"""
TREE = {
    "README.md": "See [the rules](doc/verdicts.md#top), `src/flow/verdict.c` and `test/`.\n",
    "doc/verdicts.md": ROWS,
    "doc/promises.md": "Held by test/a_test.py::test_it and `src/flow/verdict_test.c::it_holds`.\n"
                       "See [home](https://example.org/x), [this](#here), [back](../README.md).\n",
    "src/flow/verdict.c": VERDICT,
    "src/flow/verdict_test.c": 'static void\nit_holds(void **state)\n{\n\tgive("sig.made-up");\n}\n',
    "test/a_test.py": "def test_it():\n    pass\n",
}


def run(where, **changed):
    """check-docs on the tree with other texts in the files named like doc__promises_md."""
    for name, text in {**TREE, **{key.replace("__", "/").replace("_md", ".md"): text
                                  for key, text in changed.items()}}.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)
    done = subprocess.run([sys.executable, PROJECT / "tools" / "check-docs", where],
                          capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_documents_that_are_right_pass_in_silence(tmp_path):
    assert run(tmp_path) == (0, [])


@pytest.mark.parametrize("text, why", [
    ("test/a_test.py::test_other", "there is no test test/a_test.py::test_other"),
    ("test/b_test.py::test_it", "there is no test test/b_test.py::test_it"),
    ("src/flow/verdict_test.c::holds", "there is no test src/flow/verdict_test.c::holds"),
    ("`src/flow/judge.c`", "there is no src/flow/judge.c"),
    ("[x](other.md)", "there is no other.md to link to"),
])
def test_what_is_not_there_is_named(tmp_path, text, why):
    assert run(tmp_path, doc__promises_md=f"one\n{text}\n") == (1, [f"doc/promises.md:2: {why}"])


@pytest.mark.parametrize("old, new, says", [
    ("| danger |", "| caution |", "verdict.c has here: danger | cert.stolen"),
    ("was stolen. |", "is gone. |", "verdict.c has here: danger | cert.stolen"),
    ("`cert.stolen`", "`cert.lost`", "verdict.c has here: danger | cert.stolen"),
    ("| unsigned | not valid | `sig.bad` | Its signature is bad. |\n", "",
     "1 rows, and verdict.c has 2 rules"),
    ("`tst.none`", "nothing", "does not say what tst.none means"),
])
def test_a_table_of_verdicts_that_differs_from_the_program_is_told(tmp_path, old, new, says):
    status, lines = run(tmp_path, doc__verdicts_md=ROWS.replace(old, new))
    assert status == 1 and says in lines[0]


COMMANDS = {"letterlock": "setup agent status recover seal open inspect chain".split(),
            "letterlock-authority": "init run".split()}


@pytest.mark.parametrize("program, command", [(program, command) for program in COMMANDS
                                              for command in COMMANDS[program]])
def test_the_manual_page_has_every_option(build, program, command):
    told = subprocess.run([build / program, command, "--help"], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    options = re.findall(r"^\s+--([a-z-]+)", told.stdout, re.MULTILINE)
    page = (PROJECT / "man" / f"{program}.1").read_text()
    documented = re.findall(r"Fl -([a-z-]+)", page)
    assert [option for option in options if option not in documented] == []


if shutil.which("groff"):
    @pytest.mark.parametrize("page", sorted((PROJECT / "man").glob("*.[1-8]")),
                             ids=lambda page: page.name)
    def test_a_manual_page_renders_without_a_warning(page):
        done = subprocess.run(["groff", "-ww", "-b", "-z", "-mandoc", "-Tutf8", page],
                              capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
