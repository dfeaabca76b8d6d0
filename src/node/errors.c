/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node.h"
#include "node/peer.h"

const struct error_kind ERROR_QUEUE_FULL = {"SNAP-610", EXIT_BUSY, 429, "too many operations are waiting",
                                            "Try again when some have ended; GET /operations shows them."};
const struct error_kind ERROR_OPERATION_ENDED = {"SNAP-611", EXIT_ERROR, 409, "the operation has ended",
                                                 "There is nothing left to cancel."};
const struct error_kind ERROR_PINNED = {"SNAP-612", EXIT_ERROR, 409, "the checkpoint is pinned",
                                        "Unpin it first: somebody wants it kept."};
const struct error_kind ERROR_WATERMARK = {
        "SNAP-613", EXIT_NO_SPACE, 507, "the disk would be filled beyond its watermark",
        "Delete checkpoints that are not needed, or make the disk larger; a part of it is kept free for "
        "everything else on the node."};
const struct error_kind ERROR_PROBE_PERIOD = {
        "SNAP-614", EXIT_PREFLIGHT, 409, "the liveness probe would fail while the container stands still",
        "Kubernetes would restart the container. Raise the probe's periodSeconds, timeoutSeconds or "
        "failureThreshold, or ask with \"force\": true."};
const struct error_kind ERROR_KILLED = {"SNAP-615", EXIT_ERROR, 500,
                                        "the agent was killed during the operation",
                                        "What was unfinished has been undone; ask again."};
const struct error_kind ERROR_CHECKPOINT_BAD = {
        "SNAP-616", EXIT_BAD_DATA, 409, "the checkpoint is quarantined",
        "Its `reason` says what is wrong with it; `checkpointctl repair` keeps what is whole."};
const struct error_kind ERROR_PLACE = {
        "SNAP-617", EXIT_ERROR, 503, "the archives' directory is another one",
        "Mount its disk: nothing is forgotten meanwhile. If the archives are gone for good, remove the file "
        "`archives` in the agent's state directory, and start it again."};
const struct error_kind ERROR_HOOK = {"SNAP-640", EXIT_RUNTIME, 502, "a hook failed",
                                      "The lines below are its own words. \"onError\": \"Continue\" goes on "
                                      "all the same."};
const struct error_kind ERROR_POD_INCOMPLETE = {"SNAP-641", EXIT_RUNTIME, 502,
                                                "not all containers of the pod could be taken",
                                                "A pod is taken as a whole or not at all: nothing was kept."};
const struct error_kind ERROR_PEER = {"SNAP-680", EXIT_ERROR, 502, "the other node did not give the archive",
                                      "Check that its agent runs and that this node may reach it."};
const struct error_kind ERROR_TICKET = {
        "SNAP-681", EXIT_ERROR, 403, "the ticket is not valid",
        "A ticket lets read one checkpoint, once, and by whoever used it first; it ends when it is not used "
        "for "
        "some minutes, or when the agent that gave it is started again. Get a new one."};
const struct error_kind ERROR_PEER_ACCESS = {
        "SNAP-682", EXIT_ERROR, 403, "the other node does not let this one read the checkpoint",
        "Give this node's certificate the right to read checkpoints there, or get a ticket for it."};
const struct error_kind ERROR_PEER_ANSWER = {"SNAP-683", EXIT_BAD_DATA, 502,
                                             "the other node answered with something else than was asked for",
                                             "Check the address, and that both nodes run the same version."};
const struct error_kind ERROR_CHUNK = {
        "SNAP-684", EXIT_BAD_DATA, 502, "bytes of an archive do not have their digest",
        "Nothing of it was kept here. Verify the checkpoint on the node that it came from: its disk may be "
        "failing."};

const struct error_kind *const node_error_kinds[] = {
        &ERROR_QUEUE_FULL,   &ERROR_OPERATION_ENDED, &ERROR_PINNED,         &ERROR_WATERMARK,
        &ERROR_PROBE_PERIOD, &ERROR_KILLED,          &ERROR_CHECKPOINT_BAD, &ERROR_PLACE,
        &ERROR_HOOK,         &ERROR_POD_INCOMPLETE,  &ERROR_PEER,           &ERROR_TICKET,
        &ERROR_PEER_ACCESS,  &ERROR_PEER_ANSWER,     &ERROR_CHUNK,          NULL,
};
