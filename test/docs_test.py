"""tools/check-docs objects to what is not there, and to nothing else; and the manual pages render."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

VERDICT = """static const struct rule rules[] = {
    {stolen, VERDICT_DANGER, "cert.stolen", NULL},
    {invalid, VERDICT_UNSIGNED, NULL, signature_reason},
};
	add_reason(ret, "tst.none");
"""


def entry(code, *fields):
    texts = {"when": "then", "zh-when": "那时", "says": "So.", "zh-says": "如此。", "do": "Do.",
             "zh-do": "做。"}
    return "\n".join([code, *(f"{field}: {texts[field]}" for field in fields or texts), "", ""])


WORDS = ("[signature]\n" + entry("cert.stolen") + entry("cert.stolen danger", "says", "zh-says", "do", "zh-do")
         + entry("tst.none") + "[rules]\n" + entry("invalid", "when", "zh-when"))
ROWS = """<!-- table: rules -->
| verdict | holds when | reason |
|---|---|---|
| danger | then | `cert.stolen` |
| unsigned | then | see Signature |
<!-- end -->
<!-- table: signature -->
| reason | given when | sentence | what to do |
|---|---|---|---|
| `cert.stolen` | then | So. | Do. |
| `cert.stolen` (danger) |  | So. | Do. |
| `tst.none` | then | So. | Do. |
<!-- end -->
"""
CHINESE = """<!-- table: rules -->
| 判断 | 何时成立 | 理由 |
|---|---|---|
| danger | 那时 | `cert.stolen` |
| unsigned | 那时 | 见“签名” |
<!-- end -->
<!-- table: signature -->
| 理由 | 何时给出 | 句子 | 怎么办 |
|---|---|---|---|
| `cert.stolen` | 那时 | 如此。 | 做。 |
| `cert.stolen` (danger) |  | 如此。 | 做。 |
| `tst.none` | 那时 | 如此。 | 做。 |
<!-- end -->
"""
TREE = {
    "README.md": "See [the rules](doc/verdicts.md#top), `src/flow/verdict.c` and `test/`.\n",
    "doc/verdicts.md": ROWS,
    "doc/verdicts.zh.md": CHINESE,
    "src/flow/words.txt": WORDS,
    "doc/promises.md": "Held by test/a_test.py::test_it and `src/flow/verdict_test.c::it_holds`.\n"
                       "See [home](https://example.org/x), [this](#here), [back](../README.md).\n",
    "src/flow/verdict.c": VERDICT,
    "src/flow/verdict_test.c": 'static void\nit_holds(void **state)\n{\n\tgive("sig.made-up");\n}\n',
    "test/a_test.py": "def test_it():\n    pass\n",
}


def run(where, **changed):
    """check-docs on the tree with other texts in the files named like doc__promises_md."""
    for name, text in {**TREE, **{key.replace("__c", ".c").replace("__", "/").replace("_md", ".md"): text
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
    ("| danger | then |", "| caution | then |",
     "doc/verdicts.md:4: run tools/words-table --pages: it should be: | danger | then | `cert.stolen` |"),
    ("So. |", "Not so. |", "doc/verdicts.md:10: run tools/words-table --pages"),
    ("| unsigned | then | see Signature |\n", "", "doc/verdicts.md:5: run tools/words-table --pages"),
    ("| `tst.none` | then | So. | Do. |\n<!-- end -->", "", "doc/verdicts.md: has no table of signature"),
    ("table: signature", "table: nothing", "doc/verdicts.md: has no table of signature"),
])
def test_a_table_of_verdicts_that_differs_from_the_program_is_told(tmp_path, old, new, says):
    status, lines = run(tmp_path, doc__verdicts_md=ROWS.replace(old, new))
    assert status == 1 and lines[0].startswith(says)


def test_a_reason_without_words_is_told(tmp_path):
    source = VERDICT + '\tadd_reason(ret, "key.odd");\n'
    assert run(tmp_path, src__flow__verdict__c=source) == (
        1, ["src/flow/words.txt: does not say what key.odd means"])


def test_the_pages_are_written_as_they_are_checked(tmp_path):
    run(tmp_path)
    empty = re.sub(r"(-->\n)(?:\|.*\n)+", r"\1", ROWS)
    (tmp_path / "doc/verdicts.md").write_text("before\n" + empty + "behind\n")
    subprocess.run([sys.executable, PROJECT / "tools" / "words-table", "--pages", tmp_path], check=True)
    assert (tmp_path / "doc/verdicts.md").read_text() == "before\n" + ROWS + "behind\n"


@pytest.mark.parametrize("old, new, says", [
    ("zh-says: 如此。\n", "", "cert.stolen has no zh-says"),
    ("do: Do.\n", "", "cert.stolen has no do"),
    ("when: then\n", "", "cert.stolen has no when"),
    ("says: So.", "says: So", "says of cert.stolen is no sentence"),
    ("says: So.", "says: " + "x" * 119 + "..", "says of cert.stolen is longer than 120 characters: 121"),
    ("says: So.", "says: " + "x" * 72 + "{from}.", "says of cert.stolen is longer than 120 characters: 121"),
    ("says: So.", "says: {who}.", "says of cert.stolen cannot have {who}"),
    ("do: Do.", "do: Ask {from}.", "do of cert.stolen cannot have {from}"),
    ("tst.none\n", "cert.stolen\n", "cannot be read, or stands there twice: cert.stolen"),
    ("do: Do.", "do: Do.\ndo: Not.", "cannot be read, or stands there twice: do: Not."),
])
def test_words_that_are_not_in_order_are_not_built(tmp_path, old, new, says):
    file = tmp_path / "words.txt"
    file.write_text(WORDS.replace(old, new, 1))
    done = subprocess.run([sys.executable, PROJECT / "tools" / "words-table", file],
                          capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[0].endswith(": " + says)


@pytest.mark.parametrize("text", ["x" * 119 + ".", "x" * 71 + "{from}.", "字" * 119 + "。"])
def test_words_at_their_limit_are_built(tmp_path, text):
    file = tmp_path / "words.txt"
    file.write_text(WORDS.replace("says: So.", "says: " + text))
    done = subprocess.run([sys.executable, PROJECT / "tools" / "words-table", file],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_page_of_letters_has_the_table_that_is_tested():
    source = (PROJECT / "src/flow/answer_test.c").read_text()
    table = source[source.index("/* rows begin */"):source.index("/* rows end */")]
    tested = [re.findall(r'"([^"]*)"', row) for row in re.findall(r"\{[^}]*\}", table)]
    page = (PROJECT / "doc/letters.md").read_text()
    told = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()
            if line.startswith("| ")][1:]
    assert len(tested) > 50 and told == tested


COMMANDS = {"letterlock": "setup agent status guard recovery recover seal open inspect chain".split(),
            "letterlock-authority": "init run backup restore rollover lists upgrade audit eab revoke".split()}


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
