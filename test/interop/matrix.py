"""Every case between two programs, and what came of it."""

from dataclasses import dataclass

from interop import oids
from interop.cases import CONTENT
from interop.peer import Refused


@dataclass(frozen=True)
class Cell:
    works: bool
    says: str = ""  # why not, or what was chosen


@dataclass(frozen=True)
class Written:
    """A CMS in a file, or why there is none."""

    path: object = None
    chosen: str = ""
    why_not: str = ""


def write(writer, case, plain, path):
    try:
        writer.write(case, plain, path)
        octets = path.read_bytes()
    except Refused as no:
        return Written(why_not=str(no))
    wrong = oids.missing(case, octets) or key_id_missing(case, writer.desk, octets)
    if wrong:
        return Written(why_not=f"writes {wrong}")
    return Written(path, "" if case.cipher or case.verb != "seal" else oids.chosen(octets))


def key_id_missing(case, desk, octets):
    """The certificate in what is signed has it too."""
    for each, least in [*((to, 1) for to in case.to), *((signer, 2) for signer in case.signers)]:
        if each.key_id and octets.count(desk.key_ids[each.name]) < least:
            return "issuer and serial number instead"
    return ""


def read(reader, case, written, plain, changed):
    """`changed` is the content with another byte, for what was signed."""
    if written.path is None:
        return Cell(False, f"not written: {written.why_not}")
    try:
        content = reader.read(case, written.path, plain)
    except Refused as no:
        return Cell(False, str(no))
    if content != CONTENT:
        return Cell(False, "gives other content")
    if case.tamper:
        return read_changed(reader, case, written.path, changed)
    return Cell(True, written.chosen)


def read_changed(reader, case, path, changed):
    octets = path.read_bytes()
    middle = len(octets) // 2
    if case.verb == "seal":
        path = path.with_suffix(".changed")
        path.write_bytes(octets[:middle] + bytes([octets[middle] ^ 1]) + octets[middle + 1:])
    try:
        reader.read(case, path, changed)
    except Refused as no:
        return Cell(True, str(no))
    return Cell(False, "accepts it")
