"""DER by hand: for what no program makes, and to take apart what one made."""


def tlv(tag, *contents):
    inside = b"".join(contents)
    size = len(inside)
    if size < 0x80:
        return bytes([tag, size]) + inside
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + inside


def elements(octets):
    """Those that stand in a row: [(tag, contents, whole)]."""
    found, at = [], 0
    while at < len(octets):
        size, start = octets[at + 1], at + 2
        if size & 0x80:
            start += size & 0x7f
            size = int.from_bytes(octets[at + 2:start], "big")
        found.append((octets[at], octets[start:start + size], octets[at:start + size]))
        at = start + size
    return found
