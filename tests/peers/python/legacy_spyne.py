"""A legacy system: a permit office on spyne, speaking SOAP 1.1 at /soap11 and SOAP 1.2 at /soap12 of one port.

    legacy_spyne.py [PORT]        prints `ready PORT`, then one line `IssuePermit KEY` for each request it was asked
    legacy_spyne.py --wsdl soap11|soap12    prints the WSDL as spyne publishes it

Two requests with one reference are two lines: whoever counts them sees what was sent twice.
"""

import datetime
import logging
import sys
from decimal import Decimal
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from spyne import (
    Application,
    Array,
    ComplexModel,
    Date,
    DateTime,
    Decimal as DecimalType,
    Fault,
    Integer,
    ServiceBase,
    Unicode,
    rpc,
)
from spyne.protocol.soap import Soap11, Soap12
from spyne.server.wsgi import WsgiApplication

NAMESPACE = "urn:example:permits"
# Without it spyne publishes everything as optional and nillable.
REQUIRED = {"min_occurs": 1, "nillable": False}


class Parcel(ComplexModel):
    __namespace__ = NAMESPACE
    Number = Unicode(**REQUIRED)
    Hectares = DecimalType(total_digits=9, fraction_digits=4, **REQUIRED)


class Permit(ComplexModel):
    __namespace__ = NAMESPACE
    Number = Unicode(**REQUIRED)
    Applicant = Unicode(**REQUIRED)
    ValidUntil = Date(**REQUIRED)
    Fee = DecimalType(total_digits=11, fraction_digits=2, **REQUIRED)
    IssuedAt = DateTime(**REQUIRED)
    Count = Integer(**REQUIRED)
    Parcels = Array(Parcel)
    Remark = Unicode


def office(protocol):
    class PermitOffice(ServiceBase):
        @rpc(
            Unicode(**REQUIRED),
            Unicode(**REQUIRED),
            Date(**REQUIRED),
            DateTime(**REQUIRED),
            Array(Parcel),
            Unicode,
            _in_variable_names={
                "reference": "Reference",
                "applicant": "Applicant",
                "born": "BornOn",
                "submitted": "SubmittedAt",
                "parcels": "Parcels",
                "remark": "Remark",
            },
            _returns=Permit,
        )
        def IssuePermit(ctx, reference, applicant, born, submitted, parcels, remark):
            print(f"IssuePermit {reference}", flush=True)
            if applicant == "Nobody":
                detail = {"OfficeFault": {"Code": "NOT_KNOWN"}}
                raise Fault("Client.NotKnown", "the applicant is not known to the office", detail=detail)
            if applicant == "Crash":
                raise RuntimeError("the office burnt down")
            area = sum((p.Hectares for p in parcels or []), Decimal(0))
            return Permit(
                Number=f"P-{reference}",
                Applicant=applicant,
                ValidUntil=born + datetime.timedelta(days=1),
                Fee=(area * Decimal("12.50")).quantize(Decimal("0.01")),
                IssuedAt=submitted,
                Count=len(parcels or []),
                Parcels=parcels,
                Remark=remark,
            )

    application = Application(
        [PermitOffice],
        NAMESPACE,
        name="PermitOffice",
        in_protocol=protocol(validator="lxml"),
        out_protocol=protocol(),
    )
    return WsgiApplication(application)


OFFICES = {"soap11": office(Soap11), "soap12": office(Soap12)}


def wsdl(version, url):
    published = OFFICES[version].doc.wsdl11
    published.build_interface_document(url)
    return published.get_interface_document()


def by_path(environ, start_response):
    version = environ["PATH_INFO"].strip("/")
    if version not in OFFICES:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such office\n"]
    return OFFICES[version](environ, start_response)


class Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    logging.disable()
    if sys.argv[1:2] == ["--wsdl"]:
        version = sys.argv[2]
        sys.stdout.buffer.write(wsdl(version, f"http://office.example/{version}"))
        return
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = make_server("127.0.0.1", port, by_path, Threads, Quiet)
    print(f"ready {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
