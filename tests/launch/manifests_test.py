"""The files of launch/ that no test can run here fit each other and the program: MPIJob, Containerfile, batch script."""

import os
import re
import subprocess
import sys
import unittest

import yaml

PROGRAM = os.environ["OCTET_BIN"]
LAUNCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "launch")

# MPIJobSpec and RunPolicy of kubeflow.org/v2beta1: a misspelt field is dropped by the API server without a word.
SPEC_FIELDS = {
    "launcherCreationPolicy", "mpiImplementation", "mpiReplicaSpecs", "runLauncherAsWorker", "runPolicy",
    "slotsPerWorker", "sshAuthMountPath",
}
RUN_POLICY_FIELDS = {
    "activeDeadlineSeconds", "backoffLimit", "cleanPodPolicy", "managedBy", "schedulingPolicy", "suspend",
    "ttlSecondsAfterFinished",
}
REPLICA_FIELDS = {"replicas", "restartPolicy", "template"}
CONTAINER_FIELDS = {
    "args", "command", "image", "name", "readinessProbe", "resources", "volumeMounts", "workingDir",
}
# Packages that come with others of run_packages: libopenmpi3 with openmpi-bin.
BROUGHT_BY_OTHERS = {"libc6", "libgcc-s1", "libopenmpi3", "libstdc++6"}
OF_CUDA = re.compile(r"libcudart|libnccl")  # the image has none, and its program is built without


def read(path):
    with open(os.path.join(LAUNCH, path), encoding="utf-8") as file:
        return file.read()


def flags_of_run_batch():
    output = subprocess.run([PROGRAM, "run-batch", "--help"], capture_output=True, text=True, timeout=60, check=True)
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", output.stdout))


def libraries_of_the_program():
    """Paths of those that it names itself: a package brings those that they name."""
    headers = subprocess.run(["objdump", "-p", PROGRAM], capture_output=True, text=True, timeout=60, check=True).stdout
    named = set(re.findall(r"NEEDED +(\S+)", headers))
    found = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, timeout=60, check=True).stdout
    return [path for name, path in re.findall(r"(\S+) => (/\S+)", found) if name in named and not OF_CUDA.match(name)]


def packages_of(paths):
    """Debian's; its lists have some files below /lib, some below /usr/lib, which are the same."""
    real = {os.path.realpath(path) for path in paths}
    asked = sorted(real | {path.removeprefix("/usr") for path in real})
    answer = subprocess.run(["dpkg-query", "-S", *asked], capture_output=True, text=True, timeout=60, check=False).stdout
    return {line.split(":")[0] for line in answer.splitlines()}


class MpiJob(unittest.TestCase):
    def setUp(self):
        self.job = yaml.safe_load(read("k8s/octet-mpijob.yaml"))
        self.spec = self.job["spec"]
        self.replicas = self.spec["mpiReplicaSpecs"]

    def container(self, kind):
        (container,) = self.replicas[kind]["template"]["spec"]["containers"]
        return container

    def test_is_a_v2beta1_job_with_known_fields(self):
        self.assertEqual((self.job["apiVersion"], self.job["kind"]), ("kubeflow.org/v2beta1", "MPIJob"))
        self.assertLessEqual(set(self.spec), SPEC_FIELDS)
        self.assertLessEqual(set(self.spec["runPolicy"]), RUN_POLICY_FIELDS)
        self.assertEqual(set(self.replicas), {"Launcher", "Worker"})
        for kind, replica in self.replicas.items():
            self.assertLessEqual(set(replica), REPLICA_FIELDS)
            self.assertLessEqual(set(self.container(kind)), CONTAINER_FIELDS)
        self.assertEqual(self.replicas["Launcher"]["replicas"], 1)

    def test_launcher_and_workers_have_one_image(self):
        self.assertEqual(self.container("Launcher")["image"], self.container("Worker")["image"])

    def test_mounted_volumes_are_there(self):
        worker = self.replicas["Worker"]["template"]["spec"]
        self.assertEqual(
            {mount["name"] for mount in self.container("Worker")["volumeMounts"]},
            {volume["name"] for volume in worker["volumes"]},
        )

    def test_launcher_runs_what_the_image_has(self):
        launcher = self.container("Launcher")
        containerfile = read("container/Containerfile")
        self.assertIn(f"WORKDIR {launcher['workingDir']}\n", containerfile)
        self.assertEqual(launcher["command"], ["octet-run"])
        self.assertTrue(all(isinstance(arg, str) for arg in launcher["args"]), "the API takes text only")

    def test_the_program_knows_the_flags(self):
        args = self.container("Launcher")["args"]
        ours, theirs = args[: args.index("run-batch")], args[args.index("run-batch") :]
        self.assertLessEqual({arg for arg in theirs if arg.startswith("-")}, flags_of_run_batch())
        for flag in ours[::2]:
            self.assertIn(f"#   {flag} ", read("run.sh"))

    def test_threads_fill_the_workers(self):
        args = self.container("Launcher")["args"]
        threads = int(args[args.index("--threads") + 1])
        cpus = int(self.container("Worker")["resources"]["limits"]["cpu"])
        self.assertEqual(threads * self.spec["slotsPerWorker"], cpus)


class Containerfile(unittest.TestCase):
    def test_copies_what_is_there(self):
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", read("container/Containerfile"), re.M):
            for source in line.split():
                self.assertTrue(os.path.exists(os.path.join(LAUNCH, "..", source)), source)

    def test_installs_the_package_that_is_built(self):
        build, image = read("container/Containerfile").split("\nFROM ")[-2:]
        self.assertIn(" -B /package", build)
        self.assertIn("COPY --from=build /package/*.deb /tmp/", image)

    def test_run_packages_have_the_libraries_of_the_program(self):
        script = read("install_packages.sh")
        packages = set(re.search(r"run_packages=\((.*?)\)", script, re.S)[1].split())
        needed = packages_of(libraries_of_the_program())
        self.assertLessEqual({"libabsl20220623", "libhwloc15", "libprotobuf32"}, needed, "they are found at all")
        self.assertEqual(needed - BROUGHT_BY_OTHERS - packages, set())


if __name__ == "__main__":
    sys.exit(unittest.main())
