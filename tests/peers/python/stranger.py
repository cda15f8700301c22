"""A team that speaks AMQP: publishes a claim into Portolan, and hears what became of it. Shown in docs/amqp.md.

    python -m grpc_tools.protoc -I mappings/benefits-claim -I proto --python_out=. claims.proto portolan/v1/operation.proto
    stranger.py amqp://portal:PASSWORD@HOST:PORT/portolan CLAIM_ID NATIONAL_ID

Prints one line of JSON: what happened, and the claim or why there is none.
"""

import json
import sys

import claims_pb2
import pika
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2  # noqa: F401  (the first: so that details can be decoded)
from google.type import date_pb2

ROUTE = "benefits.submit-claim"


def main(url, claim_id, national_id):
    parameters = pika.URLParameters(url)
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()

    # A queue of our own for what becomes of our claims. Bound before the first claim, so that nothing is missed.
    queue = f"portal.{ROUTE}"
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(queue, "portolan.events", routing_key=f"{ROUTE}.*")

    claim = claims_pb2.SubmitClaimRequest(
        national_id=national_id,
        benefit=claims_pb2.BENEFIT_HOUSING,
        monthly_rent_minor=65000,
        **{"from": date_pb2.Date(year=2026, month=12, day=1)},
    )
    # Confirmed and mandatory: it returns once the claim is on the broker's disks, and raises if it is not. Then, or where no
    # answer came, publish it again with the same message-id: it is carried out once.
    channel.confirm_delivery()
    channel.basic_publish(
        exchange="portolan.ingress",
        routing_key=ROUTE,
        body=claim.SerializeToString(),
        properties=pika.BasicProperties(
            message_id=claim_id,
            content_type="application/protobuf",
            user_id=parameters.credentials.username,
            delivery_mode=pika.DeliveryMode.Persistent,
        ),
        mandatory=True,
    )

    for delivery, properties, body in channel.consume(queue):
        told = properties.correlation_id == claim_id
        if told:
            print(json.dumps(read(properties, body)), flush=True)
        # Each may come twice, with the same message-id. What is acknowledged does not come again.
        channel.basic_ack(delivery.delivery_tag)
        if told and properties.type != "portolan.message.needs-attention":
            break
    connection.close()


def read(properties, body):
    message = claims_pb2.Claim if properties.type == "portolan.message.finished" else status_pb2.Status
    return {
        "type": properties.headers["cloudEvents:type"],
        "operation": properties.headers["cloudEvents:subject"],
        "body": json_format.MessageToDict(message.FromString(body), preserving_proto_field_name=True),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
