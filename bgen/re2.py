"""Whether a text is a regular expression to RE2, which Envoy matches with and Go (istiod's webhook) reads alike.

Python's `re` is no judge: it takes lookaround and backreferences, which RE2 refuses, and refuses `(?i)` in the middle,
`\\pL` and `\\x{1F600}`, which RE2 takes. Grammar: https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re

MAX_REPEAT = 1000
_MAX_DEPTH = 100
_ESCAPE = re.compile(
    r"\\(?:[dDsSwWbBAzaftnrv]|[pP](?:[CLMNPSZ]|\{\^?(?P<property>[A-Za-z_]+)\})|x(?:[0-9A-Fa-f]{2}|\{(?P<rune>[0-9A-Fa-f]{1,6})\})"
    r"|0[0-7]{0,2}|[1-7][0-7]{1,2}|[^\w\s]|[_ ])"
)
_GROUP = re.compile(r"\((?:\?(?:P?<(?P<name>\w+)>|(?P<flags>[imsU]*(?:-[imsU]+)?)(?P<close>[:)])))?", re.ASCII)
_REPEAT = re.compile(r"(?:[*+?]|\{(?P<low>[0-9]+)(?P<comma>,)?(?P<high>[0-9]+)?\})\??")
_POSIX = re.compile(r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]")
# What people bring from other engines, and what RE2 says to it.
_FOREIGN = (
    (re.compile(r"\(\?(?:<?[=!])"), "lookaround"),
    (re.compile(r"\\[1-9]|\(\?P="), "a backreference"),
    (re.compile(r"\(\?>"), "an atomic group"),
    (re.compile(r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\+"), "a possessive quantifier"),
)


class _Refused(Exception):
    pass


def refusal(pattern: str) -> str:
    """Why RE2 refuses the pattern, in a few words; an empty text when it takes it."""
    try:
        _Reader(pattern).read()
    except _Refused as error:
        return next((name for form, name in _FOREIGN if form.search(pattern)), str(error))
    return ""


class _Reader:
    """One pass over the pattern; what is read is not kept."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.names: set[str] = set()

    def read(self) -> None:
        """Every group on the stack holds the largest product of the repeats inside it, which RE2 bounds."""
        stack = [1]
        last = 0  # the repeat product of what a quantifier would repeat; 0 where there is nothing to repeat
        repeated = False
        while self.at < len(self.pattern):
            rest = self.pattern[self.at]
            quantifier = _REPEAT.match(self.pattern, self.at)
            if quantifier and not (rest == "{" and self._is_literal_brace(quantifier)):
                last, repeated = self._quantified(quantifier, last, repeated), True
                stack[-1] = max(stack[-1], last)
                continue
            repeated = False
            if rest == "(":
                if self._group():
                    stack.append(1)
                    last = 0
            elif rest == ")":
                last = self._close(stack)
            else:
                last = self._atom(rest)
        if len(stack) > 1:
            raise _Refused("a parenthesis that is not closed")

    @staticmethod
    def _is_literal_brace(quantifier: re.Match[str]) -> bool:
        return quantifier["high"] is not None and quantifier["comma"] is None

    def _quantified(self, quantifier: re.Match[str], last: int, repeated: bool) -> int:
        if repeated:
            raise _Refused("a quantifier after a quantifier")
        if not last:
            raise _Refused("a quantifier with nothing to repeat")
        self.at = quantifier.end()
        if quantifier["low"] is None:
            return last
        low, high = int(quantifier["low"]), int(quantifier["high"] or quantifier["low"])
        if high < low:
            raise _Refused(f"a repeat from {low} to {high}")
        product = last * max(high, 1)
        if max(low, high) > MAX_REPEAT or product > MAX_REPEAT:
            raise _Refused(f"more than {MAX_REPEAT} repeats")
        return product

    def _group(self) -> bool:
        """Read `(…`; whether a group was opened (flags alone open none)."""
        opening = _GROUP.match(self.pattern, self.at)
        plain = self.pattern[self.at : self.at + 2] != "(?"
        if opening is None or (not plain and opening.end() == self.at + 1):
            raise _Refused("an unknown kind of group")
        self.at = opening.end()
        name = opening["name"]
        if name is not None:
            if name in self.names:
                raise _Refused(f"two groups named {name}")
            self.names.add(name)
        if opening["close"] == ")" and not opening["flags"]:
            raise _Refused("a group of no flags")
        return opening["close"] != ")"

    def _close(self, stack: list[int]) -> int:
        inside = stack.pop()
        if not stack:
            raise _Refused("a parenthesis that was not opened")
        stack[-1] = max(stack[-1], inside)
        self.at += 1
        return inside

    def _atom(self, first: str) -> int:
        """One character, class or escape; 0 for what cannot be repeated."""
        if first == "[":
            self._class()
        elif first == "\\":
            return self._escape(quoting=True)
        else:
            self.at += 1
            return 0 if first == "|" else 1
        return 1

    def _escape(self, quoting: bool = False) -> int:
        if quoting and self.pattern.startswith("\\Q", self.at):
            end = self.pattern.find("\\E", self.at)
            quoted = self.pattern[self.at + 2 : end] if end >= 0 else self.pattern[self.at + 2 :]
            self.at = end + 2 if end >= 0 else len(self.pattern)
            return int(bool(quoted))
        found = _ESCAPE.match(self.pattern, self.at)
        if found is None:
            raise _Refused(f"the escape {self.pattern[self.at : self.at + 2]}")
        if found["rune"] is not None and int(found["rune"], 16) > 0x10FFFF:
            raise _Refused("a character beyond Unicode")
        if found["property"] is not None and found["property"] not in _PROPERTIES:
            raise _Refused(f"the Unicode class {found['property']}")
        self.at = found.end()
        return 1

    def _class(self) -> None:
        self.at += 1
        if self.pattern.startswith("^", self.at):
            self.at += 1
        first = True
        while first or not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                raise _Refused("a class that is not closed")
            self._class_item(first)
            first = False
        self.at += 1

    def _class_item(self, first: bool) -> None:
        posix = _POSIX.match(self.pattern, self.at)
        if posix:
            self.at = posix.end()
            return
        if self.pattern.startswith("[:", self.at) and ":]" in self.pattern[self.at :]:
            raise _Refused("an unknown class name")
        if self.pattern[self.at] == "-" and not first and not self.pattern.startswith("-]", self.at):
            raise _Refused("a dash in the middle of a class")
        low = self._class_character()
        if self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at):
            self.at += 1
            high = self._class_character()
            if low is None or high is None or high < low:
                raise _Refused("a range that is none")

    def _class_character(self) -> int | None:
        """The code point of a class's next character; None for an escape that stands for several."""
        start = self.at
        if start >= len(self.pattern):
            raise _Refused("a class that is not closed")
        if self.pattern[start] != "\\":
            self.at += 1
            return ord(self.pattern[start])
        if self.pattern[start + 1 : start + 2] in ("b", "B", "A", "z"):
            raise _Refused("an assertion inside a class")
        self._escape()
        return _code_point(self.pattern[start : self.at])


def _code_point(escape: str) -> int | None:
    kind = escape[1]
    if kind in "dDsSwWpP":
        return None
    if kind == "x":
        return int(escape[2:].strip("{}"), 16)
    if kind in "01234567":
        return int(escape[1:], 8)
    return {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}.get(kind, ord(kind))


# The general categories; scripts are names that change with Unicode, so the long-standing ones are listed.
_PROPERTIES = frozenset(
    (
        "Any C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs"
        " Arabic Armenian Bengali Bopomofo Braille Cherokee Common Cyrillic Devanagari Ethiopic Georgian Greek Gujarati"
        " Gurmukhi Han Hangul Hebrew Hiragana Inherited Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Oriya"
        " Sinhala Syriac Tamil Telugu Thaana Thai Tibetan Yi"
    ).split()
)
