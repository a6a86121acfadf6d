"""Where the instruments can be read: public addresses, for those policies for which one was found to hold what it says.

Each was returned with its text by a search of public pages, or stands in the source register of the dossier; none was
written down from memory. Of the other policies the citation is the source, and the policy's file says what was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """Where to read, and what stands there: the instrument itself, or somebody's words about it."""

    url: str
    what: str


_DC = Address(
    "https://github.com/DCCouncil/law-xml/blob/db034d7fb013dbc9289abb9e6312ac1e010e0afb"
    "/us/dc/council/code/titles/24/sections/24-211.07.xml",
    "the D.C. Council's own file of the section, with its wordings",
)

ADDRESSES: Mapping[str, Address] = {
    "us-ca-sf-sheriff-2014": Address("https://docslib.org/doc/4872886", "a copy of the announcement"),
    "us-ct-trust-2013": Address(
        "https://prdext3.cga.ct.gov/2013/SUM/2013SUM00155-R02HB-06659-SUM.htm", "the legislature's summary of the act"
    ),
    "us-dc-2012": _DC,
    "us-dc-2021": _DC,
    "us-fl-sb168-2019": Address(
        "https://flsenate.gov/Committees/billsummaries/2019/html/1957", "the Florida Senate's summary of the act"
    ),
    "us-il-chicago-2021": Address(
        "https://chicago.legistar.com/LegislationDetail.aspx?ID=4758638&GUID=449C7086-4FC9-4181-ACB9-AC1AE631BD4C",
        "the City Council's record of the ordinance",
    ),
    "us-ma-boston-draft-2014": Address(
        "https://www.fairus.org/legislation/state-and-local-legislation/ma-summary-boston-trust-act",
        "a summary of the draft by FAIR, which opposed it",
    ),
    "us-ny-nyc-2013": Address(
        "https://legistar.council.nyc.gov/LegislationDetail.aspx?GUID=0D6DEEAF-2ED7-45AD-A9DF-27088096F9B2&ID=1265017",
        "the City Council's record of the law about the police",
    ),
    "us-ny-nyc-2014": Address(
        "https://legistar.council.nyc.gov/LegislationDetail.aspx?ID=1935437&GUID=0A456911-54A6-41E5-8C5A-1D3B231D56AA",
        "the City Council's record of the law about the jails",
    ),
    "us-tx-sb4-2017": Address(
        "https://capitol.texas.gov/billlookup/BillSummary.aspx?Bill=SB4&LegSess=85R",
        "the legislature's summary of the act",
    ),
}
"""Policy -> address."""
