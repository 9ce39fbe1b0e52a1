"""Return ids: which return a photo's file name names, in whatever way a department writes it.

`return_20251013_001.jpg`, `RET-20251013-001` and `ret 20251013 1 front` are one return,
`20251013-001`. "I do not know" is an answer: a date alone, a camera's counter or the name that a
program gave is no return, and a wrong one would put strangers' photos together. Pure functions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

# An extension; what is longer, or holds a digit first, is a part of the name after a dot.
_EXTENSION = re.compile(r"\.[a-z][a-z0-9]{1,4}$")
_DASHES = re.compile("[\u2010-\u2015\u2212\u00ad\ufe58\ufe63]")  # all that look like one
_ESCAPED_GAP = re.compile("%(?:20|2d|5f)")  # what a browser makes of " ", "-" and "_"

_GAP = r"[\s_\-.,:;#+~()\[\]]*"
_LETTER = r"[^\W\d_]"
# Words for a return in the languages of those who use nightsort, as part of longer ones, too.
_LONG = (
    r"(?:return|retour|retur|devoluc|devoluç|zwrot|reklam|r(?:ü|ue)ck(?:send|l[aä]|gab|nahm|vers))"
)
_SHORT = r"(?:ret|rets|rtn|rma|rt|ra|reso|r(?:ü|ue)ck)"
_NUMBER_WORD = r"(?:(?:id|nr|no|num|nummer|number|numero|code|case|label)(?!" + _LETTER + "))?"
_RETURN_WORD = re.compile(
    rf"(?<!{_LETTER})(?:{_LONG}{_LETTER}*|(?P<short>{_SHORT})(?!{_LETTER}))"
    rf"{_GAP}{_NUMBER_WORD}{_GAP}"
)
# A single R; Ricoh's cameras count R0000001 on.
_SINGLE_R = re.compile(rf"r{_GAP}(?=[1-9]\d{{4}})")
# "Rück" is short for the back of a thing, too.
_ALSO_A_VIEW = ("rück", "rueck")

_MONTH, _DAY = "(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DAY_WRITTEN = rf"20\d\d{_MONTH}{_DAY}"
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
_TIME = f"{_HOUR}{_SIXTY}{_SIXTY}"
_DATE = re.compile(
    rf"(?P<y>20\d\d)(?P<s>[-_. ]?)(?P<m>{_MONTH})(?P=s)(?P<d>{_DAY})(?!\d)"
    rf"|(?P<d2>{_DAY})(?P<s2>[-_.])(?P<m2>{_MONTH})(?P=s2)(?P<y2>20\d\d)(?!\d)"
)
# What has two parts: a day or a year, and what was counted in it.
_COUNTED = tuple(
    re.compile(rf"{parts}(?!\d)")
    for parts in (
        rf"({_DAY_WRITTEN})(\d{{3}}|00\d\d)",
        r"(20\d\d)[-_. ](\d{3,})",
        rf"(\d\d{_MONTH}{_DAY})[-_. ](\d{{3}})",
        r"(2\d|3[0-5])[-_. ](\d{3,})",
    )
)
# Nobody photographs in the first hour of a day: what begins with 00 is a counter.
_TIME_OF_DAY = re.compile(
    rf"(?!00){_TIME}(?:\d{{3}})?(?!\d)"
    rf"|{_HOUR}([-_. :h]){_SIXTY}\1{_SIXTY}(?!\d)|{_HOUR}[.:h]{_SIXTY}(?!\d)"
)
_MOMENT = re.compile(rf"{_DAY_WRITTEN}(?:{_TIME}(?:\d{{3}})?|{_HOUR}{_SIXTY})")
_NUMBER = re.compile(r"(\d{1,24})(?!\d)")
_LETTERS_AND_NUMBER = re.compile(rf"({_LETTER}{{1,6}})(\d{{3,18}})(?!\d)")

_VIEWS = (
    "front|back|side|left|right|top|bottom|inside|outside|detail|label|tag|close|closeup|damage"
    "|vorne|vorn|hinten|vorderseite|r(?:ü|ue)ckseite|r(?:ü|ue)ck|seite|links|rechts|oben|unten"
    "|innen|au(?:ß|ss)en|etikett|schaden|gesamt|ansicht|vorderansicht|r(?:ü|ue)ckansicht"
    "|copy|kopie|copie|copia|edit|edited|bearbeitet|neu|new"
)
_ENDS_OR_VIEW = re.compile(rf"{_GAP}(?:$|\d|(?:{_VIEWS}|{_LETTER})(?!{_LETTER}))")
# What says which photo of a return this is: "front", "2", "b (1)".
_WHICH = rf"(?:{_GAP}(?:(?:{_VIEWS})(?!{_LETTER})|{_LETTER}(?![^\W_])|(?<!\d)\d{{1,2}}(?!\d)))*"
# A number that is the whole name but for that.
_BARE = re.compile(
    rf"{_GAP}(?P<number>\d{{4,20}}){_WHICH}"
    rf"(?P<words>(?:[\s_\-.,]+{_LETTER}+)*){_GAP}"
)
_BARE_WITH_DATE = re.compile(
    rf"({_DAY_WRITTEN})[-_ ](\d{{3}})(?!\d)"
    rf"{_WHICH}{_GAP}"
)
_DEVICES = frozenset(
    (
        "img", "imag", "image", "images", "dsc", "dscn", "dscf", "dcim", "pxl", "mvimg", "pic",
        "pict", "picture", "photo", "photos", "foto", "fotos", "bild", "scan", "vid", "video",
        "mov", "wa", "screenshot", "screen", "gopr", "cimg", "sam", "burst", "p", "pano", "file",
        "whatsapp", "signal", "telegram", "snapchat", "page", "seite", "front", "back",
    )
)  # fmt: skip
# What a clock, a calendar or a counter writes: none of it is a return by itself.
_NO_RETURN = re.compile(
    rf"0\d{{3}}|(?:19|20)\d\d"
    rf"|{_DAY_WRITTEN}(?:\d{{3}}|{_HOUR}{_SIXTY}\d*)?|{_DAY}{_MONTH}20\d\d(?:\d{{3}})?"
    rf"|(?:2\d|3[0-5]){_MONTH}{_DAY}|{_DAY}{_MONTH}(?:2\d|3[0-5])"
    r"|1[4-9]\d{8}|1[4-9]\d{11}|1[4-9]\d{14}"  # seconds, milli- and microseconds since 1970
)
# What a label holds that is no address and no sentence.
_ONE_WORD = re.compile(r"(?=[A-Za-z._-]*\d)[A-Za-z0-9][A-Za-z0-9._-]{3,30}")


def return_id(filename: str) -> str:
    """The return that a photo's file name names; empty where it names none, or none clearly."""
    stem = _stem(filename)
    for word in _RETURN_WORD.finditer(stem):
        before, after = stem[: word.start()], stem[word.end() :]
        found = _after_word(after)
        if word["short"] in _ALSO_A_VIEW and before.strip(" _-.") and len(found) < 3:
            continue
        if found or (found := _bare(before)):
            return found
    if single := _SINGLE_R.match(stem):
        return _after_word(stem[single.end() :])
    return _bare(stem)


def return_key(known: str) -> str:
    """Equal for all spellings of one known return id: case, separators and zero padding apart."""
    joined = re.sub(r"[\W_]+", "-", _plain(known)).strip("-")
    return re.sub(r"(?<!\d)0+(?=\d)", "", joined)


def recorded_key(filename: str, recorded: str) -> str:
    """The key under which a photo is found, of which history holds that return id.

    Once the first four digits and more were taken for the id, dates as well; what was
    recorded so stands, and the photo is found by what its name means, too.
    """
    first_digits = re.search("[0-9]{4,}", filename)
    if recorded == (first_digits[0] if first_digits else ""):
        return return_key(return_id(filename) or recorded)
    return return_key(recorded)


def keys_meant(text: str) -> tuple[str, ...]:
    """The keys of the return ids that a person may mean who types `text`, the likeliest first.

    With or without "return" before it, as in a file's name or as a setting's pattern has it.
    """
    plain = _plain(text)
    word = _RETURN_WORD.match(plain)
    bare = plain[word.end() :] if word else plain
    meant = (return_id(text) or _after_word(plain.lstrip(" _-.#")), bare, plain)
    return tuple(dict.fromkeys(filter(None, map(return_key, meant))))


def day_beside(text: str) -> str:
    """The day before a return's own number, "return_20251101_10051"; empty where none is there.

    Where numbers of five digits are counted anew each day, it tells two returns of one number
    apart; elsewhere it is the day of the photo, and says nothing.
    """
    stem = _stem(text).lstrip(" _-.#")
    for begin in [word.end() for word in _RETURN_WORD.finditer(stem)] or [0]:
        date = _DATE.match(stem, begin)
        number = _counted(date, stem[date.end() :]) if date else ""
        if date and number and "-" not in number:
            return _day(date)
    return ""


def day_of(filename: str, key: str) -> str:
    """The day beside the number by which a photo is found; empty where its name says none.

    key: what it is found by; by a pattern of one's own that is another number.
    """
    return day_beside(filename) if return_key(return_id(filename)) == key else ""


def label_id(labels: Iterable[tuple[int, str]], read: Callable[[str], str]) -> str:
    """The return that codes in a photo name; empty where they name none, or not one alone.

    labels: rank and text of each; those of the lowest rank that name anything decide. What speaks
    of a return comes first. read: as names are read, by default or by a pattern.
    """
    found: dict[int, set[str]] = {}
    for rank, text in labels:
        says_so = _RETURN_WORD.search(_spaced(text)) is not None
        if named := _of_label(text, read):
            found.setdefault(-1 if says_so else rank, set()).add(named)
    best = found[min(found)] if found else set()
    return best.pop() if len(best) == 1 else ""


def _of_label(text: str, read: Callable[[str], str]) -> str:
    """What one code names: a return as in a name, else its text where that is one word."""
    if named := read(text) or read(_spaced(text)):
        return named
    return text if _ONE_WORD.fullmatch(text) and not _NO_RETURN.fullmatch(text) else ""


def _spaced(text: str) -> str:
    """`text` with the signs of an address (https://shop/returns/60521?x=1) as gaps."""
    return re.sub(r"[/?&=|]+", " ", _plain(text))


def reader_of(pattern: str | None) -> Callable[[str], str]:
    """What reads a return id off a file name: by an expression, whose first group it is.

    None: as departments write them.
    """
    if pattern is None:
        return return_id
    compiled = re.compile(pattern)

    def read(filename: str) -> str:
        found = compiled.search(filename)
        return (found[1] or "") if found else ""

    return read


def _after_word(text: str) -> str:
    """The return id at the start of `text`, which follows a word for a return."""
    if date := _DATE.match(text):
        return _counted(date, text[date.end() :])
    for pattern in _COUNTED:
        if found := pattern.match(text):
            return f"{found[1]}-{int(found[2]):03d}"
    if found := _NUMBER.match(text):
        return _number(found[1], text[found.end() :])
    found = _LETTERS_AND_NUMBER.match(text)
    if found is None or found[1] in _DEVICES:
        return ""
    return found[1].upper() + (found[2].lstrip("0") or "0")


def _counted(date: re.Match[str], rest: str) -> str:
    """The return of that day which the counter in `rest` names; a time of day names none."""
    rest = re.sub(rf"^{_GAP}", "", rest) if rest[:1] != "(" else ""
    found = _NUMBER.match(rest)
    if found is None or _TIME_OF_DAY.match(rest):
        return ""
    number = found[1]
    if len(number) > 4 and not number.startswith("0"):
        return number  # no counter of one day: the return's own number, and the date beside it
    return f"{_day(date)}-{int(number):03d}" if int(number) else ""


def _day(date: re.Match[str]) -> str:
    return "".join(date[part] or date[f"{part}2"] for part in "ymd")


def _number(digits: str, rest: str) -> str:
    """A plain number; a short one that counts things ("return 3 shirts") is none."""
    if _MOMENT.fullmatch(digits):
        return ""
    if len(digits) < 3 and not _ENDS_OR_VIEW.match(rest):
        return ""
    return digits.lstrip("0")


def _bare(stem: str) -> str:
    """A number that stands alone, as people name a photo who only type the return's number."""
    if dated := _BARE_WITH_DATE.fullmatch(stem):
        return f"{dated[1]}-{dated[2]}" if int(dated[2]) else ""
    found = _BARE.fullmatch(stem)
    if found is None or _NO_RETURN.fullmatch(found["number"]):
        return ""
    number = found["number"].lstrip("0")
    words = re.findall(rf"{_LETTER}+", found["words"])
    if len(number) < 4 or not _DEVICES.isdisjoint(words):
        return ""
    return number


def _stem(filename: str) -> str:
    """The name without its extensions, in plain characters."""
    stem = _plain(filename)
    while shorter := _EXTENSION.sub("", stem):
        if shorter == stem:
            break
        stem = shorter
    return stem


def _plain(text: str) -> str:
    """Compatibility forms (wide digits, ligatures), case, dashes and spaces evened out."""
    composed = unicodedata.normalize("NFKC", _DASHES.sub("-", text)).lower()
    composed = _ESCAPED_GAP.sub(" ", composed)
    return " ".join(unicodedata.normalize("NFC", composed).split())
