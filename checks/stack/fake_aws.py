"""Stands in for the aws CLI: answers from the JSON file $FAKE_AWS and notes each change there."""

import json
import os
import sys
from pathlib import Path


def main():
    state_file = Path(os.environ["FAKE_AWS"])
    state = json.loads(state_file.read_text())
    service, action, *rest = sys.argv[1:]
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    if options.get("--region") != "us-west-2":
        return "expected --region us-west-2"

    if action == "describe-services":
        found = [s for s in state["services"] if s["serviceName"] == options["--services"]]
        failures = [] if found else [{"arn": options["--services"], "reason": "MISSING"}]
        print(json.dumps({"services": found, "failures": failures}))
    elif action == "describe-task-definition":
        print(json.dumps({"taskDefinition": {"containerDefinitions": state["containers"]}}))
    elif action == "describe-target-group-attributes":
        print(json.dumps({"Attributes": [{"Key": k, "Value": v} for k, v in state["attributes"].items()]}))
    elif action in state["denied"]:
        return f"An error occurred (AccessDeniedException) when calling {action}"
    elif action == "update-service":
        (changed,) = [s for s in state["services"] if s["serviceName"] == options["--service"]]
        changed["deploymentConfiguration"] = json.loads(options["--deployment-configuration"])
        if "--health-check-grace-period-seconds" in options:
            if not changed["loadBalancers"]:
                return "Health check grace period is only valid for services configured to use load balancers"
            changed["healthCheckGracePeriodSeconds"] = int(options["--health-check-grace-period-seconds"])
        state["changes"].append([action, options["--service"]])
    elif action == "modify-target-group-attributes":
        key, value = [part.partition("=")[2] for part in options["--attributes"].split(",")]
        state["attributes"][key] = value
        state["changes"].append([action, options["--target-group-arn"]])
    else:
        return f"{service} {action} is not known here"
    state_file.write_text(json.dumps(state))
    return 0


if __name__ == "__main__":
    sys.exit(main())
