"""A portal as a Python team writes one: grpcio, with everything it knows of the service learnt by reflection.

    portal.py ADDRESS package.Service/Method JSON [options]
    portal.py ADDRESS --list

Prints one line of JSON for each call:
    {"ok": true, "reply": {...}, "trailing": {...}}
    {"ok": false, "code": "NOT_FOUND", "message": "...", "details": [{"@type": ..., ...}], "trailing": {...}}
An answer that is a google.longrunning.Operation is followed to its end with --wait SECONDS.
"""

import argparse
import json
import sys
import time

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.rpc import code_pb2, error_details_pb2  # noqa: F401  (the second: so that details can be decoded)
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status

OPERATIONS = "google.longrunning.Operations"


def channel_to(options):
    compression = grpc.Compression.Gzip if options.gzip else None
    if not options.ca:
        return grpc.insecure_channel(options.address, compression=compression)
    read = lambda path: open(path, "rb").read() if path else None  # noqa: E731
    credentials = grpc.ssl_channel_credentials(read(options.ca), read(options.key), read(options.cert))
    named = [("grpc.ssl_target_name_override", options.name)] if options.name else []
    return grpc.secure_channel(options.address, credentials, named, compression)


class Portal:
    def __init__(self, channel, metadata, timeout):
        self.channel = channel
        self.metadata = metadata
        self.timeout = timeout
        self.database = ProtoReflectionDescriptorDatabase(channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def call(self, path, message):
        service, method = path.split("/")
        described = self.pool.FindServiceByName(service).FindMethodByName(method)
        request = message_factory.GetMessageClass(described.input_type)
        reply = message_factory.GetMessageClass(described.output_type)
        stub = self.channel.unary_unary(
            f"/{path}", request_serializer=request.SerializeToString, response_deserializer=reply.FromString
        )
        message = json_format.ParseDict(message, request(), descriptor_pool=self.pool)
        try:
            answer, call = stub.with_call(message, metadata=self.metadata, timeout=self.timeout)
        except grpc.RpcError as error:
            return self.failed(error)
        return {"ok": True, "reply": self.as_json(answer), "trailing": self.plain(call.trailing_metadata())}

    def wait(self, name, seconds):
        """Asks until the operation is done, as the guide to long-running operations says."""
        until = time.monotonic() + seconds
        while True:
            left = max(0.0, until - time.monotonic())
            told = self.call(f"{OPERATIONS}/WaitOperation", {"name": name, "timeout": f"{min(left, 5.0):.3f}s"})
            if not told["ok"] or told["reply"].get("done") or left == 0.0:
                return told

    def as_json(self, message):
        return json_format.MessageToDict(
            message, preserving_proto_field_name=True, descriptor_pool=self.pool
        )

    def failed(self, error):
        told = {
            "ok": False,
            "code": error.code().name,
            "message": error.details(),
            "details": [],
            "trailing": self.plain(error.trailing_metadata()),
        }
        status = rpc_status.from_call(error)
        if status is not None:
            assert code_pb2.Code.Name(status.code) == error.code().name, "two codes for one failure"
            told["details"] = json_format.MessageToDict(status, preserving_proto_field_name=True).get(
                "details", []
            )
        return told

    @staticmethod
    def plain(metadata):
        return {key: value for key, value in metadata or () if isinstance(value, str)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("method", nargs="?")
    parser.add_argument("message", nargs="?", default="{}")
    parser.add_argument("--list", action="store_true", help="print the services that reflection names")
    parser.add_argument("--metadata", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--wait", type=float, metavar="SECONDS")
    parser.add_argument("--gzip", action="store_true", help="compress what is sent")
    parser.add_argument("--ca")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--name", help="the name in the server's certificate, where it is not the address")
    options = parser.parse_args()
    with channel_to(options) as channel:
        metadata = [tuple(pair.split("=", 1)) for pair in options.metadata]
        portal = Portal(channel, metadata, options.timeout)
        if options.list:
            print(json.dumps(sorted(portal.database.get_services())), flush=True)
            return
        for _ in range(options.repeat):
            told = portal.call(options.method, json.loads(options.message))
            if options.wait is not None and told["ok"] and not told["reply"].get("done"):
                told = portal.wait(told["reply"]["name"], options.wait)
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    sys.exit(main())
