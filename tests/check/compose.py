"""compose.py - the rules of docker/compose.yaml: see docker.sh. Usage: compose.py [compose-spec.json]

Every service has a fixed version, a memory limit and the one network, publishes on loopback only, and mounts what is there;
the ones that stay have a health check; jobs are jobs of this tree, and Prometheus asks exactly those that stay.
"""
import json
import os
import re
import sys

import yaml

FILE = "docker/compose.yaml"


def problems(compose):
    """Yields what is wrong, in words."""
    services = compose["services"]
    for name, service in services.items():
        for wrong in service_problems(name, service, compose):
            yield f"{name}: {wrong}"
    asked = prometheus_targets()
    jobs = {name for name in services if job_of(services[name]) and stays(services[name])}
    if asked != jobs:
        yield f"prometheus.yml asks {sorted(asked)}, and the jobs that stay are {sorted(jobs)}"
    for volume in compose["volumes"]:
        if not any(volume == mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])):
            yield f"volume {volume} is used by nobody"


def service_problems(name, service, compose):
    image = service.get("image", "")
    if not re.search(r":v?\d+\.\d+", image):
        yield f"image {image} has no fixed version"
    if "mem_limit" not in service:
        yield "has no mem_limit"
    if service.get("networks") != list(compose["networks"]):
        yield "is not in the one network"
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"publishes {port}, not on loopback"
    for mount in service.get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            if not os.path.exists(os.path.join("docker", source)):
                yield f"mounts {source}, which is not there"
        elif source not in compose["volumes"]:
            yield f"mounts {source}, which is no volume"
    if "build" in service:
        build = service["build"] if isinstance(service["build"], dict) else {"context": service["build"]}
        file = os.path.join("docker", build["context"], build.get("dockerfile", "Dockerfile"))
        if not os.path.exists(file):
            yield f"is built by {file}, which is not there"
    for other, how in service.get("depends_on", {}).items():
        if other not in compose["services"]:
            yield f"waits for {other}, which is no service"
        elif how["condition"] == "service_completed_successfully" and stays(compose["services"][other]):
            yield f"waits for the end of {other}, which stays"
        elif how["condition"] == "service_healthy" and not has_health(compose["services"][other]):
            yield f"waits for the health of {other}, which has no check"
    if stays(service) and not has_health(service):
        yield "stays, and has no health check"
    job = job_of(service)
    if job and not os.path.exists(f"jobs/{job}.c"):
        yield f"runs {job}, which is no job"


def stays(service):
    return service.get("restart", "no") != "no"


def has_health(service):
    """The image of the jobs brings its own."""
    return "healthcheck" in service or service.get("image", "").startswith("sluice:")


def job_of(service):
    """Of [submit, --name, N, ..., JOB, ...]: the word that is the name of a job, behind all options of submit."""
    command = service.get("command", [])
    if not service.get("image", "").startswith("sluice:") or "submit" not in command:
        return None
    words = iter(command[1:])
    for word in words:
        if not word.startswith("--"):
            return word
        next(words)
    return "(none)"


def prometheus_targets():
    with open("docker/prometheus/prometheus.yml", encoding="utf-8") as file:
        configs = yaml.safe_load(file)["scrape_configs"]
    return {target.split(":")[0] for config in configs if config["job_name"] == "sluice"
            for part in config["static_configs"] for target in part["targets"]}


def schema_problems(compose, path):
    import jsonschema
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    for error in jsonschema.Draft7Validator(schema).iter_errors(compose):
        yield f"{'.'.join(map(str, error.path))}: {error.message}"


def yaml_files():
    for folder, _, names in os.walk("docker"):
        for name in names:
            if name.endswith((".yaml", ".yml")):
                yield os.path.join(folder, name)


for place in yaml_files():
    try:
        with open(place, encoding="utf-8") as text:
            yaml.safe_load(text)
    except yaml.YAMLError as error:
        print(f"{place}:1: {error}")
with open(FILE, encoding="utf-8") as text:
    whole = yaml.safe_load(text)
for problem in list(problems(whole)) + (list(schema_problems(whole, sys.argv[1])) if len(sys.argv) > 1 else []):
    print(f"{FILE}:1: {problem}")
