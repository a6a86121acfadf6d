"""Where the instruments can be read: public addresses, for those policies for which one is known.

Addresses were written down from memory or found by a search; nobody here opens them, so the page says so beside each.
The citation of a policy is its source, and its file says what was read.
"""

from collections.abc import Mapping

ADDRESSES: Mapping[str, str] = {
    "us-ca-sb54-2018": "https://leginfo.legislature.ca.gov/faces/billTextClient.xhtml?bill_id=201720180SB54",
    "us-ca-trust-act-2014": "https://leginfo.legislature.ca.gov/faces/billTextClient.xhtml?bill_id=201320140AB4",
    "us-ct-trust-2013": "https://www.cga.ct.gov/2013/act/pa/2013PA-00155-R00HB-06659-PA.htm",
    "us-dc-2012": "https://code.dccouncil.gov/us/dc/council/code/sections/24-211.07",
    "us-dc-2021": "https://code.dccouncil.gov/us/dc/council/code/sections/24-211.07",
    "us-fl-sb168-2019": "https://www.flsenate.gov/Session/Bill/2019/168",
    "us-full-cooperation": "https://www.ecfr.gov/current/title-8/section-287.7",
    "us-il-chicago-2021": "https://codelibrary.amlegal.com/codes/chicago/latest/chicago_il/0-0-0-2605252",
    "us-il-trust-2017": "https://www.ilga.gov/legislation/publicacts/fulltext.asp?Name=100-0463",
    "us-il-way-forward-2021": "https://www.ilga.gov/legislation/publicacts/fulltext.asp?Name=102-0234",
    "us-ma-boston-trust-2019": "https://codelibrary.amlegal.com/codes/boston/latest/boston_ma/0-0-0-16772",
    "us-ma-lunn-2017": "http://masscases.com/cases/sjc/477/477mass517.html",
    "us-ny-nyc-2013": "https://legistar.council.nyc.gov/LegislationDetail.aspx"
    "?GUID=0D6DEEAF-2ED7-45AD-A9DF-27088096F9B2&ID=1265017",
    "us-ny-nyc-2014": "https://legistar.council.nyc.gov/LegislationDetail.aspx"
    "?ID=1935437&GUID=0A456911-54A6-41E5-8C5A-1D3B231D56AA",
    "us-tx-sb4-2017": "https://capitol.texas.gov/BillLookup/History.aspx?LegSess=85R&Bill=SB4",
}
"""Policy -> address."""
