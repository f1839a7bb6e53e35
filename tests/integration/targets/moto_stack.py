"""Creates the CloudFormation stack in a file in moto, an imitation of AWS, and tells what came of it as JSON.

Run by a Python of its own, as boto3 and mlship's other libraries ask for different versions of the same packages:
``python moto_stack.py TARGET FILE``, with the parameters of the stack as JSON on standard input. "{vpc}", "{subnets}",
"{group}" and "{certificate}" in them are those of a network that is made for it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

REGION = "eu-west-1"


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


def network() -> dict[str, str]:
    """Make a network with subnets in two zones."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for number, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="iris", Description="iris", VpcId=vpc)["GroupId"]
    certificate = client("acm").request_certificate(DomainName="iris.example")["CertificateArn"]
    joined = ",".join(each["Subnet"]["SubnetId"] for each in subnets)
    return {"vpc": vpc, "subnets": joined, "group": group, "certificate": certificate}


def sagemaker() -> dict[str, Any]:
    asked = client("sagemaker")
    [listed] = asked.list_endpoints()["Endpoints"]  # moto gives it a name of its own
    endpoint = asked.describe_endpoint(EndpointName=listed["EndpointName"])
    config = asked.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    [variant] = config["ProductionVariants"]
    model = asked.describe_model(ModelName=variant["ModelName"])
    return {"endpoint": endpoint, "config": config, "variant": variant, "model": model}


def ecs() -> dict[str, Any]:
    asked = client("ecs")
    [service] = asked.describe_services(cluster="iris", services=["iris"])["services"]
    task = asked.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    balancing = client("elbv2")
    [balancer] = balancing.describe_load_balancers()["LoadBalancers"]
    listeners = balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    [group] = balancing.describe_target_groups()["TargetGroups"]
    return {"service": service, "task": task, "balancer": balancer, "listeners": listeners, "group": group}


def lambda_() -> dict[str, Any]:
    return {"function": client("lambda").get_function(FunctionName="iris")}


def main() -> None:
    target, file = sys.argv[1:]
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    with mock_aws():
        client("iam").create_role(RoleName="iris", AssumeRolePolicyDocument="{}")
        places = network()
        given = {key: value.format(**places) for key, value in json.load(sys.stdin).items()}
        formation = client("cloudformation")
        formation.create_stack(
            StackName="iris",
            # moto does not know all kinds of resources, leaves those out, and stumbles over outputs that name them
            TemplateBody=Path(file).read_text("utf-8").partition("\nOutputs:")[0],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        )
        [stack] = formation.describe_stacks(StackName="iris")["Stacks"]
        made = [
            each["ResourceType"] for each in formation.list_stack_resources(StackName="iris")["StackResourceSummaries"]
        ]
        told = {"aws-sagemaker": sagemaker, "aws-ecs": ecs, "aws-lambda": lambda_}[target]()
        print(json.dumps({"status": stack["StackStatus"], "made": sorted(made), **told}, default=str))


if __name__ == "__main__":
    main()
