"""Well-known gamma-ray sources with aliases and positions, for work without a network.

Positions are ICRS in deg, of the object that the name belongs to: the pulsar or the
nucleus where there is one, else the centre of the remnant or of the emission, as
given in the discovery papers and in the standard catalogues of radio and optical
positions. Extended emission has no sharper position than some hundredths of a degree.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass
from functools import cache

_MINUS = str.maketrans(dict.fromkeys("\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}", "-"))
_SILENT = frozenset("._*'")
"""Signs that people leave out or put in; any other one is part of a name."""
_LOOSE_MINUS = re.compile(r"(?<!\d)-|-(?!\d)")
_PREFIXES = (
    (re.compile(r"^(markarian|mkn)(?=\d)"), "mrk"),
    (re.compile(r"^messier(?=\d)"), "m"),
    (re.compile(r"^cygnusx(?=\d)"), "cygx"),
    (re.compile(r"^snr(?=g\d)"), ""),
)

# name | right ascension | declination | kind | aliases
_TABLE = """
Crab Nebula|83.6331|22.0145|pulsar wind nebula|Crab;M 1;NGC 1952;Taurus A;Tau A;\
3C 144;HESS J0534+220;SNR G184.6-5.8
Crab Pulsar|83.63308|22.01446|pulsar|PSR B0531+21;PSR J0534+2200
Vela Pulsar|128.8361|-45.1764|pulsar|PSR B0833-45;PSR J0835-4510
Vela X|128.75|-45.60|pulsar wind nebula|HESS J0835-455
Vela Junior|133.00|-46.37|supernova remnant|RX J0852.0-4622;HESS J0852-463;\
SNR G266.2-1.2;Vela Jr
Geminga|98.4756|17.7703|pulsar|PSR J0633+1746
PSR B1706-44|257.4280|-44.4856|pulsar|PSR J1709-4429
Sgr A*|266.4168|-29.0078|galactic centre|Sagittarius A*;Galactic Centre;\
Galactic Center;GC;HESS J1745-290
RX J1713.7-3946|258.39|-39.76|supernova remnant|HESS J1713-397;SNR G347.3-0.5
SN 1006|225.71|-41.93|supernova remnant|SNR G327.6+14.6
RCW 86|220.75|-62.50|supernova remnant|SNR G315.4-2.3;HESS J1442-624;SN 185;\
MSH 14-63
Cassiopeia A|350.8500|58.8150|supernova remnant|Cas A;3C 461;SNR G111.7-2.1
Tycho|6.340|64.141|supernova remnant|Tycho SNR;SN 1572;SNR G120.1+1.4;3C 10
Kepler|262.675|-21.483|supernova remnant|Kepler SNR;SN 1604;SNR G4.5+6.8
W 28|270.125|-23.433|supernova remnant|SNR G6.4-0.1;HESS J1801-233
W 44|284.000|1.367|supernova remnant|SNR G34.7-0.4;3C 392
W 49B|287.783|9.100|supernova remnant|SNR G43.3-0.2;HESS J1911+090
W 51C|290.958|14.100|supernova remnant|W 51;SNR G49.2-0.7;HESS J1923+141
IC 443|94.250|22.567|supernova remnant|Jellyfish Nebula;SNR G189.1+3.0;MAGIC J0616+225
Puppis A|125.542|-43.000|supernova remnant|SNR G260.4-3.4
CTA 1|1.675|72.783|pulsar wind nebula|SNR G119.5+10.2;VER J0006+729
CTB 37A|258.525|-38.533|supernova remnant|SNR G348.5+0.1;HESS J1714-385
CTB 37B|258.479|-38.183|supernova remnant|SNR G348.7+0.3;HESS J1713-381
CTB 87|304.008|37.200|pulsar wind nebula|SNR G74.9+1.2;VER J2016+371
Gamma Cygni|305.208|40.433|supernova remnant|Gamma Cygni SNR;SNR G78.2+2.1
Boomerang|336.875|60.833|supernova remnant|SNR G106.3+2.7;VER J2227+608
3C 58|31.404|64.828|pulsar wind nebula|SNR G130.7+3.1;PSR J0205+6449
SNR G0.9+0.1|266.838|-28.150|pulsar wind nebula|HESS J1747-281
SNR G21.5-0.9|278.390|-10.569|pulsar wind nebula|HESS J1833-105
SNR G54.1+0.3|292.629|18.870|pulsar wind nebula|VER J1930+188
Kes 75|281.604|-2.983|pulsar wind nebula|SNR G29.7-0.3;HESS J1846-029;PSR J1846-0258
MSH 15-52|228.529|-59.157|pulsar wind nebula|HESS J1514-591;PSR B1509-58
HESS J1825-137|276.454|-13.776|pulsar wind nebula|
HESS J1303-631|195.75|-63.20|pulsar wind nebula|
HESS J1356-645|209.00|-64.50|pulsar wind nebula|
HESS J1420-607|215.04|-60.76|pulsar wind nebula|Kookaburra
HESS J1418-609|214.52|-60.98|pulsar wind nebula|Rabbit
HESS J1616-508|244.10|-50.90|unidentified|
HESS J1614-518|243.58|-51.82|unidentified|
HESS J1640-465|250.18|-46.53|supernova remnant|SNR G338.3-0.0
HESS J1632-478|248.04|-47.82|pulsar wind nebula|
HESS J1634-472|248.74|-47.27|unidentified|
HESS J1702-420|255.68|-42.07|unidentified|
HESS J1708-410|257.10|-41.09|unidentified|
HESS J1731-347|263.01|-34.76|supernova remnant|SNR G353.6-0.7
HESS J1745-303|266.26|-30.37|unidentified|
HESS J1804-216|271.13|-21.70|unidentified|
HESS J1809-193|272.63|-19.30|pulsar wind nebula|
HESS J1813-178|273.40|-17.84|pulsar wind nebula|SNR G12.8-0.0
HESS J1834-087|278.69|-8.76|supernova remnant|W 41;SNR G23.3-0.3
HESS J1837-069|279.41|-6.95|pulsar wind nebula|
HESS J1841-055|280.23|-5.55|unidentified|
HESS J1857+026|284.30|2.67|pulsar wind nebula|
HESS J1858+020|284.58|2.09|unidentified|
HESS J1912+101|288.20|10.15|unidentified|
MGRO J1908+06|286.98|6.27|unidentified|HESS J1908+063
VER J2019+368|304.85|36.80|pulsar wind nebula|MGRO J2019+37
TeV J2032+4130|307.99|41.50|pulsar wind nebula|
Westerlund 1|251.767|-45.851|stellar cluster|Wd 1;HESS J1646-458
Westerlund 2|155.99|-57.76|stellar cluster|Wd 2;HESS J1023-575
Eta Carinae|161.2648|-59.6845|colliding wind binary|Eta Car
LS 5039|276.5627|-14.8484|gamma-ray binary|HESS J1826-148
LS I +61 303|40.1319|61.2293|gamma-ray binary|VER J0240+612
HESS J0632+057|98.247|5.800|gamma-ray binary|MWC 148
PSR B1259-63|195.6985|-63.8358|gamma-ray binary|LS 2883;HESS J1302-638;SS 2883
SS 433|287.9565|4.9827|microquasar|V1343 Aql
Cyg X-1|299.5903|35.2016|microquasar|
Cyg X-3|308.1074|40.9578|microquasar|
RS Ophiuchi|267.5548|-6.7079|nova|RS Oph
Terzan 5|267.0202|-24.7790|globular cluster|HESS J1747-248
N 157B|84.447|-69.172|pulsar wind nebula|LMC N157B;PSR J0537-6910
N 132D|81.26|-69.64|supernova remnant|LMC N132D
30 Dor C|83.98|-69.18|superbubble|
Large Magellanic Cloud|80.8938|-69.7561|galaxy|LMC
Small Magellanic Cloud|13.1867|-72.8286|galaxy|SMC
Mrk 421|166.1138|38.2088|blazar|1ES 1101+384
Mrk 501|253.4676|39.7602|blazar|1ES 1652+398
Mrk 180|174.1100|70.1576|blazar|1ES 1133+704
1ES 0033+595|8.9694|59.8346|blazar|
1ES 0229+200|38.2026|20.2882|blazar|
1ES 0347-121|57.3467|-11.9908|blazar|
1ES 0414+009|64.2187|1.0901|blazar|
1ES 0502+675|76.9842|67.6234|blazar|
1ES 0647+250|102.6937|25.0499|blazar|
1ES 0806+524|122.4550|52.3163|blazar|
1ES 1011+496|153.7672|49.4335|blazar|
1ES 1101-232|165.9067|-23.4920|blazar|
1ES 1215+303|184.4670|30.1168|blazar|ON 325
1ES 1218+304|185.3414|30.1770|blazar|
1ES 1440+122|220.7010|12.0112|blazar|
1ES 1727+502|262.0776|50.2196|blazar|I Zw 187
1ES 1741+196|265.9910|19.5859|blazar|
1ES 1959+650|299.9994|65.1485|blazar|
1ES 2344+514|356.7702|51.7050|blazar|
H 1426+428|217.1361|42.6724|blazar|
H 2356-309|359.7830|-30.6279|blazar|
PG 1553+113|238.9294|11.1901|blazar|
PKS 0301-243|45.8604|-24.1198|blazar|
PKS 0447-439|72.3529|-43.8358|blazar|
PKS 0548-322|87.6690|-32.2713|blazar|
PKS 0736+017|114.8251|1.6180|flat-spectrum radio quasar|
PKS 1222+216|186.2269|21.3796|flat-spectrum radio quasar|4C 21.35;4C +21.35
PKS 1424+240|216.7516|23.8000|blazar|
PKS 1440-389|220.9883|-39.1444|blazar|
PKS 1441+25|220.9871|25.0290|flat-spectrum radio quasar|
PKS 1510-089|228.2106|-9.1000|flat-spectrum radio quasar|
PKS 2005-489|302.3558|-48.8316|blazar|
PKS 2155-304|329.7169|-30.2256|blazar|
3C 66A|35.6651|43.0355|blazar|
3C 279|194.0465|-5.7893|flat-spectrum radio quasar|
3C 454.3|343.4906|16.1482|flat-spectrum radio quasar|
AP Librae|229.4242|-24.3721|blazar|AP Lib;PKS 1514-24
BL Lacertae|330.6804|42.2778|blazar|BL Lac
OJ 287|133.7036|20.1085|blazar|
RGB J0152+017|28.1649|1.7882|blazar|
RGB J0710+591|107.6253|59.1390|blazar|
RX J0648.7+1516|102.1985|15.2736|blazar|
S5 0716+714|110.4727|71.3434|blazar|S5 0716+71
TXS 0506+056|77.3582|5.6931|blazar|IceCube-170922A
VER J0521+211|80.4415|21.2143|blazar|RGB J0521.8+2112
W Comae|185.3820|28.2329|blazar|W Com;ON 231
B3 2247+381|342.5239|38.4103|blazar|
Centaurus A|201.3651|-43.0191|radio galaxy|Cen A;NGC 5128
M 87|187.7059|12.3911|radio galaxy|NGC 4486;Virgo A;Vir A;3C 274
NGC 1275|49.9507|41.5117|radio galaxy|Perseus A;Per A;3C 84
IC 310|49.1792|41.3248|radio galaxy|
3C 264|176.2709|19.6063|radio galaxy|NGC 3862
PKS 0625-354|96.7780|-35.4876|radio galaxy|
M 31|10.6847|41.2690|galaxy|Andromeda Galaxy;NGC 224
M 82|148.9685|69.6797|starburst galaxy|NGC 3034;Cigar Galaxy
NGC 253|11.8881|-25.2888|starburst galaxy|Sculptor Galaxy
Draco|260.0517|57.9153|dwarf galaxy|Draco dSph
Segue 1|151.7667|16.0819|dwarf galaxy|
Sculptor|15.0392|-33.7092|dwarf galaxy|Sculptor dSph
GRB 180720B|0.5283|-2.9189|gamma-ray burst|
GRB 190114C|54.5050|-26.9463|gamma-ray burst|
GRB 190829A|44.5438|-8.9583|gamma-ray burst|
GRB 221009A|288.2645|19.7735|gamma-ray burst|
"""


# How far from its position the emission of an extended source reaches, in deg: outer
# radii of shells, else about two standard deviations of what the H.E.S.S. Galactic
# plane survey (H.E.S.S. Collaboration 2018, doi:10.1051/0004-6361/201732098) and the
# discovery papers give, rounded up. To keep a region free of sources, not to measure.
_EXTENTS_DEG = {
    "Vela X": 0.8, "Vela Junior": 1.0, "RX J1713.7-3946": 0.65, "SN 1006": 0.3,
    "RCW 86": 0.45, "W 28": 0.4, "W 51C": 0.25, "IC 443": 0.3, "CTA 1": 0.4,
    "Gamma Cygni": 0.4, "Boomerang": 0.3, "MSH 15-52": 0.25, "HESS J1825-137": 1.0,
    "HESS J1303-631": 0.35, "HESS J1356-645": 0.4, "HESS J1616-508": 0.45,
    "HESS J1614-518": 0.45, "HESS J1632-478": 0.35, "HESS J1634-472": 0.35,
    "HESS J1702-420": 0.4, "HESS J1731-347": 0.3, "HESS J1745-303": 0.4,
    "HESS J1804-216": 0.5, "HESS J1809-193": 0.6, "HESS J1834-087": 0.3,
    "HESS J1837-069": 0.6, "HESS J1841-055": 0.7, "HESS J1857+026": 0.5,
    "HESS J1912+101": 0.5, "MGRO J1908+06": 0.7, "VER J2019+368": 0.5,
    "TeV J2032+4130": 0.4, "Westerlund 1": 1.1, "Westerlund 2": 0.35,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """One object with its usual name.

    Attributes
    ----------
    ra_deg, dec_deg
        ICRS position, deg.
    kind
        What it is, in words.
    aliases
        Other names in use.
    extent_deg
        How far its emission reaches about; 0: not further than the resolution.
    """

    name: str
    ra_deg: float
    dec_deg: float
    kind: str
    aliases: tuple[str, ...] = ()
    extent_deg: float = 0.0


def _read(table: str) -> tuple[Source, ...]:
    sources = []
    for line in table.strip().splitlines():
        name, ra, dec, kind, aliases = line.split("|")
        other = tuple(a for a in aliases.split(";") if a)
        extent = _EXTENTS_DEG.get(name, 0.0)
        sources.append(Source(name, float(ra), float(dec), kind, other, extent))
    return tuple(sources)


SOURCES: tuple[Source, ...] = _read(_TABLE)
"""Every source of the table."""


def normal(name: str) -> str:
    """Return the form in which names are compared: case, spaces and dots do not count.

    Neither do accents and what is not seen. A minus counts between digits only, where
    it belongs to a position.

    >>> normal("Mkn 421") == normal("Markarian 421") == normal("mrk421")
    True
    >>> normal("Cyg X-3"), normal("HESS J1825 -137")
    ('cygx3', 'hessj1825-137')
    >>> normal("Crab\N{SNOWMAN}") == normal("Crab")
    False
    """
    plain = unicodedata.normalize("NFKD", name.translate(_MINUS)).lower()
    squeezed = _LOOSE_MINUS.sub("", "".join(c for c in plain if not _is_silent(c)))
    for pattern, replacement in _PREFIXES:
        squeezed = pattern.sub(replacement, squeezed)
    return squeezed


def _is_silent(character: str) -> bool:
    """Whether a character does not count: blanks, accents and the invisible."""
    return (
        character in _SILENT
        or character.isspace()
        or unicodedata.category(character) in {"Mn", "Cf"}
    )


@cache
def _index() -> dict[str, Source]:
    return {
        normal(name): source
        for source in SOURCES
        for name in (source.name, *source.aliases)
    }


def find(name: str) -> Source | None:
    """Return the source of that name or alias, or None.

    >>> find("taurus a").name
    'Crab Nebula'
    """
    return _index().get(normal(name))


def close(name: str, count: int = 3) -> tuple[str, ...]:
    """Return usual names of sources whose name or alias looks like this one.

    >>> close("Crabe")
    ('Crab Nebula',)
    """
    keys = difflib.get_close_matches(normal(name), _index(), n=3 * count, cutoff=0.75)
    names = dict.fromkeys(_index()[key].name for key in keys)
    return tuple(names)[:count]
