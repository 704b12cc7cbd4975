"""What RE2 takes and what it does not; the verdicts are those of the real RE2.

But for the last row: there it is Go, which istiod reads expressions with, that refuses a name given twice.
"""

from __future__ import annotations

import pytest

from bgen.re2 import refusal

TAKEN = r"""
/v[0-9]+/.*
^(a|b).*$
GET|HEAD
a*?
(?i)abc
^(?i)x
(?:a|b)+
(?P<name>x)
(?<name>x)
a{2}
a{2,}
a{2,3}?
a{,3}
x{
[]a]
[^]a]
[a-]
[-a]
[[:alpha:]]
[[:^alpha:]_]
[\d\s]
\pL
\p{Greek}
\PN
\x{1F600}
\x41
\012
\Q..[\E
\bword\b
\A.\z
\.
a||b
()
a{1000}
""".strip().splitlines()
REFUSED = r"""
(?=a)|lookaround
(?!a)b|lookaround
(?<=a)b|lookaround
(?<!a)b|lookaround
(a)\1|a backreference
(?P=name)|a backreference
(?>a)|an atomic group
a*+|a possessive quantifier
a++|a possessive quantifier
a{2}+|a possessive quantifier
a**|a quantifier after a quantifier
*a|a quantifier with nothing to repeat
(*a)|a quantifier with nothing to repeat
a{3,2}|a repeat from 3 to 2
a{1001}|more than 1000 repeats
(a{500}){3}|more than 1000 repeats
(a|a parenthesis that is not closed
a)|a parenthesis that was not opened
[a|a class that is not closed
[z-a]|a range that is none
[[:foo:]]|an unknown class name
\Z|the escape \Z
\h|the escape \h
\pE|the escape \p
\p{Klingon}|the Unicode class Klingon
\x{110000}|a character beyond Unicode
(?P<n>a)(?P<n>b)|two groups named n
""".strip().splitlines()


@pytest.mark.parametrize("pattern", TAKEN)
def test_is_taken(pattern: str) -> None:
    assert refusal(pattern) == ""


@pytest.mark.parametrize("row", REFUSED)
def test_is_refused_for_a_reason(row: str) -> None:
    pattern, _, reason = row.rpartition("|")
    assert refusal(pattern) == reason
