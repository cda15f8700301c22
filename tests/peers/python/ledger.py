"""A gRPC system on grpcio, whose methods do what their names say, with whatever bytes they are sent.

Prints its address, and serves until its input ends.
"""

import sys
from concurrent import futures

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status


def echo(request, _context):
    return request


def metadata(_request, context):
    lines = (f"{name}: {value}" for name, value in context.invocation_metadata())
    left = context.time_remaining()
    return "\n".join([*sorted(lines), f"deadline: {left is not None and 0 < left <= 20}"]).encode()


def fail(request, context):
    number, words = request.decode().split(" ", 1)
    known = {code.value[0]: code for code in grpc.StatusCode}
    context.abort(known[int(number)], words)


def later(_request, context):
    info = any_pb2.Any()
    info.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=3)))
    status = status_pb2.Status(code=code_pb2.UNAVAILABLE, message="not now", details=[info])
    context.abort_with_status(rpc_status.to_status(status))


def crash(_request, _context):
    raise ValueError("canary")


def main():
    behaviour = {"Echo": echo, "Metadata": metadata, "Fail": fail, "Later": later, "Crash": crash}
    methods = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in behaviour.items()}
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Ledger", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"127.0.0.1:{port}", flush=True)
    sys.stdin.read()
    server.stop(0)


main()
