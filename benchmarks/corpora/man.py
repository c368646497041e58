"""Manual pages as plain text: what `man` shows, less fonts, indents and line breaks inside paragraphs."""

import re

CHARACTERS = {
    "aq": "'", "dq": '"', "lq": "“", "rq": "”", "oq": "‘", "cq": "’", "Fo": "«", "Fc": "»", "Bq": "„", "bq": "‚",
    "em": "—", "en": "–", "hy": "-", "mi": "−", "bu": "•", "ha": "^", "ti": "~", "ga": "`", "rs": "\\", "bv": "|",
    "mu": "×", "pl": "+", "+-": "±", "<=": "≤", ">=": "≥", "!=": "≠", "->": "→", "<-": "←", "co": "©", "rg": "®",
    "de": "°", "sc": "§", "ss": "ß", "/l": "ł", "/o": "ø", "*m": "μ", "*p": "π", "if": "∞", "at": "@", "sh": "#",
    "tm": "™", "Do": "$", "sl": "/",
}  # fmt: skip
STRINGS = {"Aq": "'", "R": "®", "Tm": "™", "q": '"', **CHARACTERS}
PLAIN = {"-": "-", "e": "\\", " ": " ", "~": " ", "0": " ", "'": "'", "`": "`", ".": ".", "\\": "\\", "t": "\t"}

ESCAPE = re.compile(
    r"\\(?:\[(?P<long>[^\]]*)\]|\((?P<short>..)"
    r"|\*(?:\[(?P<string>[^\]]*)\]|\((?P<two>..)|(?P<one>.))"
    r"|(?:[fFmMYn][+-]?|s[+-]?)(?:\[[^\]]*\]|\(..|\d|[A-Z])"
    r"|[hvwlLbDoNsXZ]'[^']*'"
    r"|(?P<other>.?))"
)
WORD = re.compile(r'"((?:[^"]|"")*)"?|(\S+)')

ALTERNATING = {"BR", "BI", "RB", "RI", "IB", "IR"}
SPACED = {"B", "I", "R", "SM", "SB", "CW", "UR", "MT", "OP"}
HEADINGS = {"SH", "SS"}
BREAKS = {"PP", "P", "LP", "TP", "TQ", "IP", "HP", "RS", "RE", "sp", "TS", "TE"}
VERBATIM = {"nf": True, "EX": True, "Vb": True, "fi": False, "EE": False, "Ve": False}


def from_man(source: str) -> str | None:
    """The text of a page in the man macros; None for one in the mdoc macros, or one that only names another."""
    lines = source.splitlines()
    if any(line.startswith((".Dd", ".so ")) for line in lines):
        return None
    paragraphs: list[list[str]] = [[]]
    verbatim = False
    for line in _outside_definitions(lines):
        request, said = _read(line)
        if request in HEADINGS:
            paragraphs += [[said], []]
        elif request in VERBATIM:
            verbatim = VERBATIM[request]
            paragraphs.append([])
        elif request in BREAKS:
            paragraphs.append([said] if said else [])
        elif said:
            joint = "\n" if verbatim or request == "br" or not paragraphs[-1] else " "
            paragraphs[-1].append(joint + said if paragraphs[-1] else said)
    return "\n\n".join("".join(parts) for parts in paragraphs if parts).strip()


def _outside_definitions(lines: list[str]) -> list[str]:
    """Lines that are not part of a macro definition or of a condition's block."""
    kept, inside, depth = [], False, 0
    for line in lines:
        if inside:
            inside = not line.startswith("..")
            continue
        inside = re.match(r"[.']\s*(?:de1?|am|ig)\b", line) is not None
        conditional = depth > 0 or re.match(r"[.']\s*(?:if|ie|el)\b", line) is not None
        depth += line.count("\\{") - line.count("\\}")
        if not inside and not conditional:
            kept.append(line)
    return kept


def _read(line: str) -> tuple[str, str]:
    """A line's request (empty for text) and the text that it shows."""
    line = re.sub(r'\\".*', "", line)
    request = re.match(r"[.']\s*(\S*)\s*(.*)", line)
    if request is None:
        return "", unescape(line)
    name, rest = request.groups()
    words = [quoted.replace('""', '"') or bare for quoted, bare in WORD.findall(rest)]
    if name in ALTERNATING:
        return name, unescape("".join(words))
    if name in SPACED or name in HEADINGS:
        return name, unescape(" ".join(words))
    return name, unescape(words[0]) if name == "IP" and words else ""


def unescape(text: str) -> str:
    """Text with troff's escapes replaced by what they show."""
    return ESCAPE.sub(_shown, text)


def _shown(match: re.Match[str]) -> str:
    if name := match["long"] or match["short"]:
        return chr(int(name[1:], 16)) if re.fullmatch(r"u[0-9A-F]{4,6}", name) else CHARACTERS.get(name, "")
    if name := match["string"] or match["two"] or match["one"]:
        return STRINGS.get(name, "")
    return PLAIN.get(match["other"] or "", "")
