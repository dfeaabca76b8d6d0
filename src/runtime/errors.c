/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/runtime.h"

const struct error_kind ERROR_CONTAINER_NOT_FOUND = {"SNAP-401", EXIT_NOT_FOUND, 404,
                                                     "there is no such container",
                                                     "`checkpointctl list --containers` shows the containers "
                                                     "of all engines found here; the name, the id or "
                                                     "the start of an id will do."};
const struct error_kind ERROR_CONTAINER_NOT_RUNNING = {
        "SNAP-402", EXIT_PREFLIGHT, 409, "the container is not running",
        "Only a running container has processes to checkpoint: start it first."};
const struct error_kind ERROR_CONTAINER_AMBIGUOUS = {
        "SNAP-403", EXIT_USAGE, 409, "more than one container fits that name",
        "Give more letters of the id, or name the engine with --engine."};
const struct error_kind ERROR_CONTAINER_EXISTS = {"SNAP-404", EXIT_ERROR, 409,
                                                  "a container of that name exists already",
                                                  "Choose another with --name, or remove the old one."};
const struct error_kind ERROR_RUNTIME_FAILED = {
        "SNAP-405", EXIT_RUNTIME, 502, "the container runtime failed",
        "The lines below are its own words; `checkpointctl doctor` checks what it needs."};
const struct error_kind ERROR_PREFLIGHT = {
        "SNAP-406", EXIT_PREFLIGHT, 409, "a check made beforehand failed",
        "Nothing was changed. Do what the failed checks say, or go on all the same with --force."};
const struct error_kind ERROR_FREEZE = {"SNAP-407", EXIT_RUNTIME, 503, "the container could not be frozen",
                                        "A process may be waiting for a disk or a network file system (state "
                                        "D in ps); nothing was changed. Try "
                                        "again when it is through."};
const struct error_kind ERROR_CGROUP_SHARED = {"SNAP-408", EXIT_PREFLIGHT, 409,
                                               "the container has no control group of its own",
                                               "Freezing it would freeze other processes, CRIU among them. "
                                               "Start the container with a control group of "
                                               "its own (Podman: without --cgroups=disabled)."};
const struct error_kind ERROR_RESTORE_NOT_SEEN = {"SNAP-409", EXIT_RUNTIME, 502,
                                                  "the restored processes were not seen running",
                                                  "The container may have ended at once: look at its log."};
const struct error_kind ERROR_STORAGE_DRIVER = {
        "SNAP-410", EXIT_PREFLIGHT, 501, "the container's storage driver is not supported",
        "Use overlay storage; its upper directory tells exactly what the container changed."};
const struct error_kind ERROR_PRIVILEGES = {"SNAP-411", EXIT_PREFLIGHT, 403,
                                            "this needs more rights than this process has",
                                            "Run as root in the host's PID namespace, with CAP_SYS_ADMIN."};

const struct error_kind ERROR_POD_NOT_FOUND = {"SNAP-430", EXIT_NOT_FOUND, 404, "there is no such pod",
                                               "A container outside of pods counts as a pod of its own name, "
                                               "in the namespace `default`."};
const struct error_kind ERROR_POD_CONTAINER_NOT_FOUND = {
        "SNAP-431", EXIT_NOT_FOUND, 404, "the pod has no such container",
        "Give its name in the pod, or the name that its engine knows it by."};

const struct error_kind *const runtime_error_kinds[] = {
        &ERROR_CONTAINER_NOT_FOUND,
        &ERROR_CONTAINER_NOT_RUNNING,
        &ERROR_CONTAINER_AMBIGUOUS,
        &ERROR_CONTAINER_EXISTS,
        &ERROR_RUNTIME_FAILED,
        &ERROR_PREFLIGHT,
        &ERROR_FREEZE,
        &ERROR_CGROUP_SHARED,
        &ERROR_RESTORE_NOT_SEEN,
        &ERROR_STORAGE_DRIVER,
        &ERROR_PRIVILEGES,
        &ERROR_POD_NOT_FOUND,
        &ERROR_POD_CONTAINER_NOT_FOUND,
        NULL,
};
