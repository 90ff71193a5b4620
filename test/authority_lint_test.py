"""The linter as a command: certificates of others are looked at as well."""

import pytest

from loneauthority import Lone, run


@pytest.fixture(scope="module")
def lone(build, tmp_path_factory):
    lone = Lone(build, tmp_path_factory.mktemp("lint"))
    assert lone.init().returncode == 0
    return lone


def foreign(path, *options):
    """A certificate that the openssl program made."""
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", path.with_suffix(".key"), "-out", path, *options)
    return path


def test_what_init_made_breaks_no_rule(lone):
    for name, issuer in (("root", "root"), ("issuing", "root"), ("tsa", "tsa-ca"), ("tsa-ca", "root")):
        said = lone.command("lint", lone.dir / f"{name}.pem", "--issuer", lone.dir / f"{issuer}.pem")
        assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_each_broken_rule_is_a_line_and_the_exit_status_is_1(lone, tmp_path):
    theirs = foreign(tmp_path / "a.pem", "-subj", "/O=Alpha/CN=Beta", "-addext", "keyUsage=keyCertSign")
    said = lone.command("lint", theirs)
    assert said.returncode == 1
    assert "rfc5280-4.2.1.3-usage: keyUsage is there, critical and not empty. (RFC 5280" in said.stdout
    assert "sbr-7.1.4-" not in said.stdout
    assert "breaks 2 rules" in said.stderr


def test_a_file_that_is_no_certificate_is_named(lone, tmp_path):
    (tmp_path / "a.pem").write_text("no certificate")
    for path in (tmp_path / "a.pem", tmp_path / "absent.pem"):
        said = lone.command("lint", path)
        assert said.returncode == 2 and str(path) in said.stderr
    said = lone.command("lint")
    assert said.returncode == 2 and "want lint FILE" in said.stderr
