"""Portolan beside its rivals, interleaved in one run: each repetition measures every contestant in turn, a ratio is taken within
the repetition, and the median of the ratios is printed as `name ratio`. Run by `make bench`."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess as sp
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.chdir(ROOT)
REPS = int(os.environ.get("REPS", "5"))
EACH = os.environ.get("SECONDS_EACH", "3")
ONLY = os.environ.get("ONLY", "")
WITH_PEERS = os.environ.get("PEERS", "yes") == "yes"
PEERS = ROOT / "target/peers"
HAND, PORTOLAN, BENCH = PEERS / "build/release/peers", ROOT / "target/release/portolan", ROOT / "target/release/portolan-bench"
ROUTES = ROOT / "tests/bench/routes"
WORK = pathlib.Path(tempfile.mkdtemp(prefix="portolan-bench-"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def order():
    """The 20-field message of the peers, as protobuf wire (../shared/peers/gateways/rust/src/tr.rs)."""
    out = bytearray()

    def varint(v):
        while v >= 128:
            out.append(v & 127 | 128)
            v >>= 7
        out.append(v)

    texts = {1: "ORD-2026-000184467", 2: "C-99120331", 3: "Margarethe & Söhne GmbH", 4: "Lindenallee 1442, Aufgang B", 5: "Düsseldorf", 6: "40213",
             7: "DE", 8: "einkauf@margarethe-soehne.example", 9: "+49 211 5550 1234", 10: "PARTIALLY_SHIPPED", 11: "EUR", 19: "DHL Freight",
             20: "Leave at the loading dock; call the porter before arrival, gate code was sent by SMS."}
    numbers = {12: 12899050, 13: 2059512, 14: 17, 15: 4, 16: 1, 17: 1795440438, 18: 1795443999}
    for field in range(1, 21):
        if field in texts:
            text = texts[field].encode()
            varint(field << 3 | 2)
            varint(len(text))
            out.extend(text)
        else:
            varint(field << 3)
            varint(numbers[field])
    return bytes(out)


PAYLOAD = WORK / "order.pb"
PAYLOAD.write_bytes(order())
ENVELOPE = WORK / "order.xml"
BACKEND, GATEWAY = free_port(), free_port()
ENV = {**os.environ, "BACKEND_PORT": str(BACKEND), "GW_PORT": str(GATEWAY), "WORKERS": "2"}


def folder(mode, idempotent, prefix=""):
    """A configuration with the one route of `mode`."""
    where = WORK / f"{prefix}{mode}-{idempotent}"
    where.mkdir()
    for name in ("b.proto", "orders.wsdl"):
        shutil.copy(PEERS / "proto" / name, where / name)
    shutil.copy(ROUTES / "later.proto", where / "later.proto")
    text = (ROUTES / "orders.yaml").read_text().replace("mode: direct, idempotent: true", f"mode: {mode}, idempotent: {idempotent}")
    if mode == "operation":
        text = text.replace("proto: b.proto, method: b.Orders/Put", "proto: later.proto, method: bench.Later/Put")
    (where / "orders.yaml").write_text(text)
    (where / "portolan.yaml").write_text(
        f'listen: {{ grpc: "127.0.0.1:{GATEWAY}", http: "127.0.0.1:0" }}\nroutes: [ orders.yaml ]\nqueue: "sqlite:queue.db"\n'
        f'systems:\n  backend:\n    soap: {{ endpoint: "http://127.0.0.1:{BACKEND}/svc", timeout: 10s, max-concurrency: 128 }}\n')
    return where


def shared(mode, idempotent, amqp, postgres):
    """The same over RabbitMQ and PostgreSQL."""
    where = folder(mode, idempotent, "shared-")
    file = where / "portolan.yaml"
    file.write_text(file.read_text().replace('queue: "sqlite:queue.db"', f'queue: "{amqp}"\nledger: "{postgres}"'))
    return where


def serve(where, *options, level="warn"):
    log = open(where / "log", "w")
    started = time.perf_counter()
    gateway = sp.Popen([PORTOLAN, "serve", "--config", where / "portolan.yaml", "--log-level", level, *options], stdout=sp.PIPE, stderr=log, text=True)
    line = gateway.stdout.readline()
    gateway.ready_ms = (time.perf_counter() - started) * 1000
    gateway.admin = next((part.removeprefix("http=") for part in line.split() if part.startswith("http=")), "")
    if "ready" not in line:
        sys.exit(f"the gateway did not start: {(where / 'log').read_text()}")
    return gateway


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except sp.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(port):
    for _ in range(500):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    sys.exit(f"nothing listens on {port}")


def measured(command):
    return json.loads(sp.run([str(c) for c in command], check=True, capture_output=True, text=True, env=ENV).stdout)


def peers_load(pid, callers, seconds=EACH):
    return measured([HAND, "load", pid, callers, seconds])


def raw_load(address, path, callers, seconds=EACH):
    return measured([BENCH, "load", address, path, PAYLOAD, callers, seconds])


def commits(callers, each):
    return measured([BENCH, "commits", WORK, callers, EACH, each])


def rss(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")) / 1024


def gateway_at_work(command, cwd=None, workers="2"):
    process = sp.Popen([str(c) for c in command], env={**ENV, "WORKERS": workers}, cwd=cwd, stdout=sp.DEVNULL, stderr=sp.DEVNULL)
    wait_for(GATEWAY)
    return process


def both(process):
    """Warmed up, then one caller, then 64."""
    peers_load(process.pid, 64, "1")
    one, many = peers_load(process.pid, 1), peers_load(process.pid, 64)
    stop(process)
    return one, many


FIGURES = {}


def figure(name, value):
    FIGURES.setdefault(name, []).append(value)


def repetition(first, direct, request_reply, operation):
    hand1, hand64 = both(gateway_at_work([HAND, "gw"]))
    direct1, direct64 = both(serve(direct))
    figure("direct_calls_at_64_vs_hand_written", direct64["rps"] / hand64["rps"])
    figure("direct_p50_at_1_vs_hand_written", direct1["p50"] / hand1["p50"])
    figure("direct_cpu_at_64_vs_hand_written", direct64["cpu_us"] / hand64["cpu_us"])
    two1, two64 = commits(1, 2), commits(64, 2)
    recorded1, recorded64 = both(serve(request_reply))
    figure("request_reply_calls_at_64_vs_lower_of_hand_written_and_two_commits", recorded64["rps"] / min(hand64["rps"], two64["rps"]))
    figure("request_reply_p50_at_1_vs_hand_written_plus_1.2_times_two_commits", recorded1["p50"] / (hand1["p50"] + 1.2 * two1["p50"]))
    echo = sp.Popen([BENCH, "echo"], stdout=sp.PIPE, text=True)
    echoed = raw_load(echo.stdout.readline().strip(), "/bench.Echo/Any", 64)
    stop(echo)
    one64 = commits(64, 1)
    paused = serve(operation, "--pause-dispatch")
    raw_load(f"127.0.0.1:{GATEWAY}", "/bench.Later/Put", 64, "1")
    accepted = raw_load(f"127.0.0.1:{GATEWAY}", "/bench.Later/Put", 64)
    stop(paused)
    figure("operation_accepts_at_64_vs_lower_of_echo_and_one_commit", accepted["rps"] / min(echoed["rps"], one64["rps"]))
    rows = {"hand-written": hand64, "direct": direct64, "request-reply": recorded64, "two commits": two64, "echo": echoed, "one commit": one64, "accept": accepted}
    if WITH_PEERS and first:
        _, python = both(gateway_at_work([PEERS / ".venv/bin/python", "python/gateway.py"], PEERS, "1"))
        _, node = both(gateway_at_work(["node", "node/gateway.js"], PEERS, "1"))
        figure("direct_calls_at_64_vs_python", direct64["rps"] / python["rps"])
        figure("direct_calls_at_64_vs_node", direct64["rps"] / node["rps"])
        rows.update(python=python, node=node)
    print(" ".join(f"{name}={row['rps']:.0f}/s" for name, row in rows.items()), f"p50@1: hand={hand1['p50']} direct={direct1['p50']} rr={recorded1['p50']} two={two1['p50']} us", file=sys.stderr)


def open_messages(postgres):
    command = ["psql", postgres, "-Atc", "SELECT EXISTS (SELECT FROM portolan.messages WHERE state IN (0, 1))"]
    return sp.run(command, check=True, capture_output=True, text=True).stdout.strip() == "t"


def delivered(postgres):
    """Accepts for a time by 64 callers, until all of it is delivered: messages a second."""
    begun = time.perf_counter()
    accepted = raw_load(f"127.0.0.1:{GATEWAY}", "/bench.Later/Put", 64)
    while open_messages(postgres):
        time.sleep(0.02)
    return {"rps": accepted["n"] / (time.perf_counter() - begun), "accepts": accepted["rps"]}


def several_gateways(amqp, postgres):
    """One repetition over RabbitMQ and PostgreSQL."""
    bare = measured([BENCH, "bare", amqp, postgres, 64, EACH])
    operation = serve(shared_operation)
    raw_load(f"127.0.0.1:{GATEWAY}", "/bench.Later/Put", 64, "1")
    while open_messages(postgres):
        time.sleep(0.02)
    through = delivered(postgres)
    stop(operation)
    figure("shared_operations_at_64_vs_bare_lapin_and_commits", through["rps"] / bare["rps"])
    echo = sp.Popen([BENCH, "echo"], stdout=sp.PIPE, text=True)
    echoed = raw_load(echo.stdout.readline().strip(), "/bench.Echo/Any", 1)
    stop(echo)
    trip = measured([BENCH, "round-trips", amqp, EACH])
    posted = measured([BENCH, "posts", f"127.0.0.1:{BACKEND}", "/svc", ENVELOPE, EACH])
    asked, _ = both(serve(shared_again))
    sums = echoed["p50"] + trip["p50"] + posted["p50"]
    figure("shared_idempotent_p50_at_1_vs_echo_plus_round_trip_plus_post", asked["p50"] / sums)
    print(f"shared: bare={bare['rps']:.0f}/s operations={through['rps']:.0f}/s (accepted {through['accepts']:.0f}/s)",
          f"p50@1: echo={echoed['p50']} round-trip={trip['p50']} post={posted['p50']} again={asked['p50']} us", file=sys.stderr)


def start_and_idle(backlog):
    """With the routes of the demo and an empty queue, and with the backlog that the accepts above left behind."""
    where = WORK / "demo"
    where.mkdir()
    for name in ("population-register", "benefits-claim"):
        shutil.copytree(ROOT / "mappings" / name, where / "mappings" / name)
    (where / "portolan.yaml").write_text(
        'listen: { grpc: "127.0.0.1:0", http: "127.0.0.1:0" }\nroutes: [ mappings ]\nqueue: "sqlite:queue.db"\nsystems:\n'
        '  population-register:\n    soap: { endpoint: "http://127.0.0.1:1/" }\n  benefits:\n    soap: { endpoint: "http://127.0.0.1:1/" }\n')
    for _ in range(REPS):
        gateway = serve(where)
        figure("ready_ms", gateway.ready_ms)
        time.sleep(0.5)
        figure("idle_rss_mib", rss(gateway.pid))
        stop(gateway)
    for file in backlog.glob("queue.db*"):
        if "lock" not in file.name:
            shutil.copy(file, where / file.name)
    for _ in range(REPS):
        gateway = serve(where, "--pause-dispatch")
        figure("ready_ms_with_backlog", gateway.ready_ms)
        stop(gateway)


def check_of_many():
    """Two hundred routes, in folders as the tests' orders: read, checked against their contracts, and against each other."""
    routes, source = WORK / "check/mappings", ROOT / "tests/gateway/routes/orders"
    mapping = (source / "orders.yaml").read_text()
    for copy in range(-(-200 // mapping.count("route: "))):
        to = routes / f"orders{copy}"
        to.mkdir(parents=True)
        for file in ("orders.proto", "orders.wsdl", "orders.yaml"):
            text = (source / file).read_text().replace("test.orders.v1", f"test.orders{copy}.v1")
            (to / file).write_text(text.replace("route: orders.", f"route: orders{copy}."))
    for _ in range(REPS):
        begun = time.monotonic()
        said = sp.run([PORTOLAN, "check", routes], capture_output=True, text=True)
        figure("check_200_routes_ms", (time.monotonic() - begun) * 1000)
        assert said.returncode == 0, said.stderr


RECORDS = int(os.environ.get("RECORDS", "1000000"))


def wage_report(path):
    """An employers' wage report (mappings/wage-report) of RECORDS employees, 512 bytes each."""
    cents = [3_000_000, 210_000, 3_000_000, 186_000, 3_000_000, 43_500, 0]
    at = lambda *parts: "".join(text.ljust(width) for width, text in parts).ljust(512) + "\n"
    paid, sums = "".join(f"{c:011}" for c in cents), "".join(f"{c * RECORDS:015}" for c in cents)
    behind = f"{'':122}{paid}{'':11}{'0' * 66}{'':11}{'0' * 44}{'':11}{'0' * 77} 0 00".ljust(447) + "\n"
    with open(path, "w", buffering=1 << 20) as out:
        out.write(at((11, "RA000456789"), (24, "BENCH"), (2, "99"), (101, "A BUREAU"), (22, "A CITY"), (54, "MD"), (101, "A BUREAU"),
                     (22, "A CITY"), (56, "MD"), (27, "A CLERK"), (23, "4105550100"), (40, "WAGES@BUREAU.EXAMPLE")))
        out.write(at((25, "RE2026 000111222"), (14, "0"), (101, "AN EMPLOYER"), (22, "A CITY"), (11, "MD"), (44, "N"), (4, "F 0")))
        for number in range(RECORDS):
            out.write(f"RW{1_000_000 + number:09}{'PAT':30}{'NUMBER':24}" + behind)
        out.write(at((512, f"RT{RECORDS:07}{sums}{'':15}{'0' * 90}{'':15}{'0' * 180}")))
        out.write(at((512, f"RF     {RECORDS:09}")))


def claims(path):
    """A file of RECORDS claims of 30 fields and 512 bytes each (core/mapping/benches/records), with nothing around them."""
    behind = (f"{'Margarethe Soehne':30}{'Lindenallee 1442':30}{'Duesseldorf':25}{'40213':10}DE{'einkauf@margarethe.example':40}{'+492115550':16}P"
              f"{'B00017':6}{'REF-2026-000184467':20}{'Leave at the loading dock; call the porter':60}{'12345678901':11}{'A001':4}"
              f"{184467:09}{17:05}{12899050:013}{2059512:013}{100:013}{10839538:013}{50:010}{{{1:010}B{19000:07}2026{3:02}{42:07}" + "20261130" * 4)
    behind = behind.ljust(500) + "\n"
    with open(path, "w", buffering=1 << 20) as out:
        for number in range(RECORDS):
            out.write(f"{number:012}{behind}")


def with_files(name, route, contracts):
    """A configuration of one route that takes or makes files: in `drop/` and `there/out/`."""
    where = WORK / name
    for folder in ("drop", "there"):
        (where / folder).mkdir(parents=True)
    for contract in contracts:
        shutil.copy(contract, where / contract.name)
    (where / "portolan.yaml").write_text(
        f'listen: {{ grpc: "127.0.0.1:0", http: "127.0.0.1:0" }}\nroutes: [ {route} ]\nqueue: "sqlite:queue.db"\nsystems:\n'
        '  wage-ledger: { grpc: { address: "http://127.0.0.1:1" } }\n  claims: { grpc: { address: "http://127.0.0.1:1" } }\n'
        '  employers: { batch: { folder: drop, every: 20ms } }\n  office: { batch: { folder: drop, every: 20ms } }\n'
        '  partner: { batch: { folder: there, every: 20ms } }\n')
    return where


def taken(where, gateway, file):
    """Drops a file, and waits until it is archived: records a second. The file comes back."""
    begun = time.monotonic()
    file.rename(where / "drop/file.txt")
    archived = where / "drop/archive/file.txt"
    while not archived.exists():
        if gateway.poll() is not None or time.monotonic() - begun > 1800 or (where / "drop/rejected/file.txt").exists():
            sys.exit(f"the file was not taken: {(where / 'log').read_text()}")
        time.sleep(0.01)
    rate = RECORDS / (time.monotonic() - begun)
    archived.rename(file)
    return rate


def high_water(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM")) / 1024


def files_taken():
    """Files of records taken into SQLite, from their drop to their archive: hashed, verified, made durable in blocks. Nobody is told. The
    rival inserts rows of the same shape: a claim is stored alone, an employee with the records around him."""
    made = [ROOT / "core/mapping/benches/records/claim.yaml", ROOT / "core/mapping/benches/records/claim.proto", ROUTES / "claims/record.yaml"]
    report = [file for file in (ROOT / "mappings/wage-report").iterdir() if file.is_file()]
    for name, write, route, contracts, payload in (
        ("claims", claims, "record.yaml", made, 518), ("wage_report", wage_report, "record-wage.yaml", report, 1554),
    ):
        file = WORK / f"{name}.txt"
        write(file)
        for index in range(REPS):
            where = with_files(f"{name}-{index}", route, contracts)
            mapping = where / route
            mapping.write_text(mapping.read_text().replace("*.efw2", "*.txt"))
            bare = measured([BENCH, "rows", WORK, RECORDS, payload])["rps"]
            gateway = serve(where, "--pause-dispatch")
            ours = taken(where, gateway, file)
            print(f"{name}: {ours:.0f} records/s taken, {bare:.0f} rows/s inserted, {high_water(gateway.pid):.1f} MiB resident at most", file=sys.stderr)
            figure(f"file_of_{name}_taken_vs_bare_rows", ours / bare)
            stop(gateway)
            shutil.rmtree(where)
        file.unlink()


def unpublished(postgres):
    command = ["psql", postgres, "-Atc", "SELECT EXISTS (SELECT FROM portolan.messages WHERE state = 0 AND NOT published)"]
    return sp.run(command, check=True, capture_output=True, text=True).stdout.strip() == "t"


def files_taken_by_several(amqp, postgres):
    """The claims taken into RabbitMQ and PostgreSQL, until each is published, against blocks of rows committed and their ids published."""
    made = [ROOT / "core/mapping/benches/records/claim.yaml", ROOT / "core/mapping/benches/records/claim.proto", ROUTES / "claims/record.yaml"]
    file = WORK / "claims.txt"
    claims(file)
    for index in range(REPS):
        bare = measured([BENCH, "blocks", amqp, postgres, RECORDS, 518])["rps"]
        where = with_files(f"several-{index}", "record.yaml", made)
        config = where / "portolan.yaml"
        config.write_text(config.read_text().replace('queue: "sqlite:queue.db"', f'queue: "{amqp}"\nledger: "{postgres}"'))
        gateway = serve(where, "--pause-dispatch")
        begun = time.monotonic()
        taken(where, gateway, file)
        while unpublished(postgres):
            time.sleep(0.05)
        ours = RECORDS / (time.monotonic() - begun)
        print(f"several gateways: {ours:.0f} records/s taken, {bare:.0f} rows/s inserted and published", file=sys.stderr)
        figure("shared_file_of_claims_taken_vs_bare_blocks", ours / bare)
        stop(gateway)
        shutil.rmtree(where)
        sp.run(["psql", postgres, "-qc", "TRUNCATE portolan.messages, portolan.files CASCADE"], check=True, capture_output=True)


def decoded():
    """Records of 512 bytes a second that are decoded from a file in memory."""
    told = sp.run(["cargo", "bench", "--quiet", "-p", "portolan-mapping", "--bench", "records"], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    return float(re.search(r"^file_to_protobuf_vs_copy .*\((\d+) MB/s", told, re.M)[1]) * 1e6 / 512


def files_cut():
    """RECORDS messages cut into one file: claimed by it, translated, written, read again and verified, and named; and until they are
    finished. Against decoding: the records of the same file to protobuf, in memory, on one core (`file_to_protobuf`), measured before each."""
    made = [ROOT / "core/mapping/benches/records/claim.yaml", ROUTES / "claims/again.yaml"]
    file = WORK / "claims.txt"
    claims(file)
    for index in range(REPS):
        decoding = decoded()
        where = with_files(f"cut-{index}", "again.yaml", made)
        gateway = serve(where, "--pause-dispatch", level="info")
        taken(where, gateway, file)
        begun = time.monotonic()
        command = sp.Popen([PORTOLAN, "batch", "cut", "claims.again", "--admin", gateway.admin, "--config", where / "portolan.yaml"], stdout=sp.DEVNULL)
        made_file = where / "there/out/CLAIMS.0001"
        while not made_file.exists():
            if gateway.poll() is not None or time.monotonic() - begun > 600:
                sys.exit(f"the file was not cut: {(where / 'log').read_text()}")
            time.sleep(0.005)
        named = time.monotonic() - begun
        while "the file is delivered" not in (where / "log").read_text():
            time.sleep(0.02)
        done = time.monotonic() - begun
        command.wait()
        assert made_file.stat().st_size == file.stat().st_size
        print(f"cut: {RECORDS / named:.0f} records/s until the file has its name (decoding {decoding:.0f}/s), {RECORDS / done:.0f}/s until its messages are finished, "
              f"{high_water(gateway.pid):.1f} MiB resident at most", file=sys.stderr)
        figure("file_cut_records_per_second", RECORDS / named)
        figure("file_cut_vs_decoding", RECORDS / named / decoding)
        stop(gateway)
        shutil.rmtree(where)


CALLS = ONLY in ("", "alone", "shared")
backend = sp.Popen([HAND, "backend"], env=ENV, stderr=sp.DEVNULL) if CALLS else None
try:
    if CALLS:
        wait_for(BACKEND)
        direct, request_reply, operation = folder("direct", "true"), folder("request-reply", "false"), folder("operation", "false")
    if ONLY in ("", "alone"):
        for index in range(REPS):
            repetition(index == 0, direct, request_reply, operation)
        start_and_idle(operation)
    if ONLY in ("", "alone", "check"):
        check_of_many()
    if ONLY in ("", "alone", "files"):
        files_taken()
        files_cut()
    if ONLY in ("", "shared", "shared-files"):
        servers = sp.Popen([BENCH, "servers"], stdin=sp.PIPE, stdout=sp.PIPE, text=True)
        amqp, postgres = servers.stdout.readline().split()
        files_taken_by_several(amqp, postgres)
        if CALLS:
            shared_operation, shared_again = shared("operation", "false", amqp, postgres), shared("request-reply", "true", amqp, postgres)
            translated = [PORTOLAN, "translate", "bench.orders", "--request", PAYLOAD, "--raw", "--config", shared_again / "portolan.yaml"]
            ENVELOPE.write_bytes(sp.run(translated, check=True, capture_output=True).stdout)
            for _ in range(REPS):
                several_gateways(amqp, postgres)
        servers.stdin.close()
        servers.wait()
finally:
    if backend:
        stop(backend)
    shutil.rmtree(WORK, ignore_errors=True)
for name, values in FIGURES.items():
    print(f"{name} {statistics.median(values):.3f}")
