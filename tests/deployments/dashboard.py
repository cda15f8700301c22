"""Reads Grafana's dashboard as Grafana would: dashboard.py DASHBOARD METRICS.md RULES.yaml > RULES-TO-CHECK.yaml

Every panel has its place, its data source and queries; each query names metrics of the page with labels that they have. What
Prometheus has to say of the queries it says of the rules that this prints, one for each.
"""

import json
import re
import sys

import yaml

# Prometheus and Kubernetes give these to every series; `le` is of histograms.
EVERYWHERE = {"job", "instance", "namespace", "le"}
OF_GRAFANA = {"__rate_interval", "__all"}


def documented(page):
    """Labels of each metric, from the table of the page."""
    rows = re.findall(r"^\| `(\w+)` \| \w+ \|([^|]*)\|", open(page, encoding="utf-8").read(), re.M)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def recorded(rules):
    with open(rules, encoding="utf-8") as file:
        groups = yaml.safe_load(file)["groups"]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def main(dashboard, page, rules):
    with open(dashboard, encoding="utf-8") as file:
        dashboard = json.load(file)
    metrics, records = documented(page), recorded(rules)
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    wrong, places, queries = [], {}, []

    ids = [panel["id"] for panel in dashboard["panels"]]
    wrong += [f"panel {one} is there twice" for one in set(ids) if ids.count(one) > 1]
    for panel in dashboard["panels"]:
        title, at = panel["title"], panel["gridPos"]
        if at["x"] + at["w"] > 24:
            wrong.append(f"{title}: wider than the page")
        for cell in [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]:
            if cell in places:
                wrong.append(f"{title}: lies over {places[cell]}")
                break
            places[cell] = title
        if panel["datasource"]["uid"] != "${datasource}":
            wrong.append(f"{title}: asks another data source than the one that is chosen")
        queries += [(title, target["expr"]) for target in panel["targets"]]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            queries.append((variable["name"], re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"])[1]))

    for title, query in queries:
        used = set(re.findall(r"\$\{?(\w+)", query))
        wrong += [f"{title}: no variable {name}" for name in used - variables - OF_GRAFANA]
        allowed, named = set(EVERYWHERE), 0
        for name in re.findall(r"\b(?:portolan|process)_\w+", query):
            labels = metrics.get(re.sub(r"_bucket$", "", name))
            if labels is None:
                wrong.append(f"{title}: no metric {name}")
                continue
            allowed |= labels
            named += 1
        asked = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', query))
        asked |= {label for by in re.findall(r"\b(?:by|on|without)\s*\(([^)]*)\)", query) for label in re.findall(r"\w+", by)}
        recording = set(re.findall(r"\bportolan:\w+", query))
        wrong += [f"{title}: nothing records {name}" for name in recording - records]
        if not recording:
            wrong += [f"{title}: no label {label} at what it asks for" for label in asked - allowed]
        if not named and not recording:
            wrong.append(f"{title}: asks for nothing of ours")

    for line in wrong:
        print(line, file=sys.stderr)
    plain = [query.replace("$__rate_interval", "5m").replace("$route", ".*") for _, query in queries]
    rules = [{"record": f"dashboard:query_{number}", "expr": query} for number, query in enumerate(plain)]
    yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout)
    sys.exit(bool(wrong) or len(rules) < 20)


main(*sys.argv[1:])
