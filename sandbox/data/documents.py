"""Files that the systems serve: bills as PDF, attachments as PNG or text."""

from struct import pack
from zlib import compress, crc32


def bill_pdf(number: str, lines: list[str]) -> bytes:
    """Return a one-page PDF 1.4 that shows the printed bill `number` and `lines` of text (Latin-1)."""
    text = [f"BT /F1 18 Tf 60 780 Td (Bill {_escaped(number)}) Tj ET"]
    text += [f"BT /F1 11 Tf 60 {750 - 18 * i} Td ({_escaped(line)}) Tj ET" for i, line in enumerate(lines)]
    content = "\n".join(text).encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    file, offsets = b"%PDF-1.4\n", []
    for index, body in enumerate(objects, 1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (index, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start, size = len(file), len(objects) + 1
    file += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return file + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def lights_png(width: int = 64, height: int = 32) -> bytes:
    """Return a small true-colour PNG: two green lamps and a red one on a dark panel."""
    dark, green, red = b"\x20\x20\x28", b"\x20\xd0\x60", b"\xd0\x30\x30"
    lamps = {12: green, 32: green, 52: red}
    raw = b""
    for y in range(height):
        raw += b"\x00"
        for x in range(width):
            lamp = next((c for at, c in lamps.items() if (x - at) ** 2 + (y - height // 2) ** 2 < 40), dark)
            raw += lamp
    header = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", compress(raw)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data))


def measurement(ticket: str, customer: str) -> bytes:
    """Return the text of a line measurement made for a ticket."""
    return f"Ticket {ticket}\nCustomer {customer}\nOptical power -31.2 dBm (limit -27)\nResult: below limit\n".encode()
