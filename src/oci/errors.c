/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/errors.h"

#include <stddef.h>
#include "oci/image.h"

const struct error_kind ERROR_IMAGE_REFERENCE = {
        .code = "SNAP-301",
        .exit_status = EXIT_USAGE,
        .http_status = 400,
        .title = "not an image reference",
        .hint = "Write `oci:DIRECTORY[:TAG]`, `oci-archive:FILE[:TAG]`, `docker://HOST/REPOSITORY[:TAG]` or, "
                "for "
                "the local container storage, a name like `web:1`.",
};
const struct error_kind ERROR_IMAGE_LAYOUT = {
        .code = "SNAP-302",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "not an OCI image layout",
        .hint = "An OCI layout has the files `oci-layout` and `index.json` and the directory `blobs`. If it "
                "was "
                "copied, copy it again.",
};
const struct error_kind ERROR_IMAGE_NOT_FOUND = {
        .code = "SNAP-303",
        .exit_status = EXIT_NOT_FOUND,
        .http_status = 404,
        .title = "no such image in the layout",
        .hint = "`index.json` of the layout lists the images there are; name one as `:TAG`.",
};
const struct error_kind ERROR_IMAGE_DIGEST = {
        .code = "SNAP-304",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "part of the image differs from its digest",
        .hint = "It was damaged or altered. Copy the image again, or build it again from the archive.",
};
const struct error_kind ERROR_IMAGE_NOT_CHECKPOINT = {
        .code = "SNAP-305",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the image is not a checkpoint",
        .hint = "Only images that `checkpointctl build` or `podman container checkpoint --create-image` made "
                "can be "
                "restored.",
};

const struct error_kind ERROR_REGISTRY_DENIED = {
        .code = "SNAP-321",
        .exit_status = EXIT_ERROR,
        .http_status = 403,
        .title = "the registry does not let us do that",
        .hint = "Log in with `podman login HOST`, `skopeo login HOST` or `docker login HOST`, or name a file "
                "with credentials by --authfile.",
};
const struct error_kind ERROR_REGISTRY_ANSWER = {
        .code = "SNAP-322",
        .exit_status = EXIT_ERROR,
        .http_status = 502,
        .title = "the registry refused or gave an answer that makes no sense",
        .hint = "What it said stands in the message; its own log may say more.",
};
const struct error_kind ERROR_REGISTRY_BUSY = {
        .code = "SNAP-323",
        .exit_status = EXIT_BUSY,
        .http_status = 503,
        .title = "the registry is overloaded or out of order",
        .hint = "It was tried again several times with growing pauses. Try later.",
};
const struct error_kind ERROR_REGISTRY_UPLOAD_LOST = {
        .code = "SNAP-324",
        .exit_status = EXIT_ERROR,
        .http_status = 502,
        .title = "the registry lost an upload that was broken off",
        .hint = "The bytes before the break are no longer in memory. Repeat the command: what arrived whole "
                "is not sent again.",
};
const struct error_kind ERROR_REGISTRY_NOT_ALLOWED = {
        .code = "SNAP-325",
        .exit_status = EXIT_ERROR,
        .http_status = 405,
        .title = "the registry does not offer that",
        .hint = "Many registries have to be configured for it: deleting in docker-registry needs "
                "`storage.delete.enabled: true`.",
};
const struct error_kind ERROR_REGISTRY_TOO_LARGE = {
        .code = "SNAP-326",
        .exit_status = EXIT_NO_SPACE,
        .http_status = 507,
        .title = "it is larger than the registry accepts",
        .hint = "Free space there, or raise the limit of the registry or of a proxy before it.",
};
const struct error_kind ERROR_REGISTRY_CREDENTIALS = {
        .code = "SNAP-327",
        .exit_status = EXIT_ERROR,
        .http_status = 500,
        .title = "credentials for the registry cannot be read",
        .hint = "The file must be JSON as `podman login` writes it, and a helper that it names must be "
                "installed.",
};

const struct error_kind ERROR_STORE_TOKENS = {
        .code = "SNAP-330",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 500,
        .title = "the token file of the registry cannot be used",
        .hint = "One line for each token: `TOKEN NAME [pull,push,delete PATTERN]...`; only its owner may "
                "read the file.",
};
const struct error_kind ERROR_STORE_BLOB_UNKNOWN = {
        .code = "SNAP-331",
        .exit_status = EXIT_NOT_FOUND,
        .http_status = 404,
        .title = "the registry has no such blob there",
        .hint = "Push it, or mount it from a repository that has it.",
};
const struct error_kind ERROR_STORE_UPLOAD_UNKNOWN = {
        .code = "SNAP-332",
        .exit_status = EXIT_NOT_FOUND,
        .http_status = 404,
        .title = "the registry knows no such upload",
        .hint = "It was ended, cancelled, or left alone for too long. Begin a new one.",
};
const struct error_kind ERROR_STORE_UPLOAD_INVALID = {
        .code = "SNAP-333",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 400,
        .title = "the upload is not what it should be",
};
const struct error_kind ERROR_STORE_UPLOAD_RANGE = {
        .code = "SNAP-334",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 416,
        .title = "a part of an upload does not begin where the last one ended",
        .hint = "Ask for the state of the upload (GET at its address), and go on from there.",
};
const struct error_kind ERROR_STORE_DIGEST = {
        .code = "SNAP-335",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 400,
        .title = "the digest is malformed, or not that of what was sent",
        .hint = "This registry knows SHA-256 digests only: `sha256:` and 64 hexadecimal digits.",
};
const struct error_kind ERROR_STORE_MANIFEST_UNKNOWN = {
        .code = "SNAP-336",
        .exit_status = EXIT_NOT_FOUND,
        .http_status = 404,
        .title = "the registry has no such manifest there",
        .hint = "Check repository and tag.",
};
const struct error_kind ERROR_STORE_MANIFEST_INVALID = {
        .code = "SNAP-337",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 400,
        .title = "the registry does not take the manifest",
        .hint = "It takes image manifests and indexes of OCI, and those of Docker (schema 2).",
};
const struct error_kind ERROR_STORE_MANIFEST_BLOB_UNKNOWN = {
        .code = "SNAP-338",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 404,
        .title = "the manifest refers to what the registry does not have",
        .hint = "Push the blobs first, then the manifests of an index, then the index.",
};
const struct error_kind ERROR_STORE_NAME = {
        .code = "SNAP-339",
        .exit_status = EXIT_USAGE,
        .http_status = 400,
        .title = "not a name of a repository or tag",
        .hint = "Repositories: lower-case letters, digits, `.`, `_`, `-`, parts separated by `/`. Tags: at "
                "most 128 letters, digits, `.`, `_`, `-`.",
};
const struct error_kind ERROR_STORE_NAME_UNKNOWN = {
        .code = "SNAP-340",
        .exit_status = EXIT_NOT_FOUND,
        .http_status = 404,
        .title = "the registry has no such repository",
        .hint = "Check the name; it comes into being with the first push.",
};
const struct error_kind ERROR_LAYER_ENCRYPTION = {
        .code = "SNAP-351",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the encryption of a layer cannot be understood",
        .hint = "The annotations of the layer are damaged, or it was encrypted in a way that is not read "
                "here: "
                "docs/encryption.md lists those that are.",
};

const struct error_kind ERROR_SIGNATURE_MISSING = {
        .code = "SNAP-352",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 403,
        .title = "the image is not signed",
        .hint = "Sign it (`checkpointctl sign`), or get it from a place where its signature lies: "
                "`checkpointctl copy` "
                "takes signatures along.",
};
const struct error_kind ERROR_SIGNATURE_INVALID = {
        .code = "SNAP-353",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 403,
        .title = "no signature of the image is by one of the keys",
        .hint = "Somebody else signed it, or the signature was altered. Check that the key is the signer's.",
};
const struct error_kind ERROR_SIGNATURE_OTHER = {
        .code = "SNAP-354",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 403,
        .title = "the signature belongs to another image",
        .hint = "A good signature was put beside an image that it is not for. Do not use the image before "
                "you know "
                "who did that.",
};
const struct error_kind ERROR_POLICY_REJECTED = {
        .code = "SNAP-355",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 403,
        .title = "the policy does not allow the image",
        .hint = "/etc/snap/policy.json, or the file that --policy names, says which images may be used.",
};
const struct error_kind ERROR_POLICY_FILE = {
        .code = "SNAP-356",
        .exit_status = EXIT_ERROR,
        .http_status = 500,
        .title = "the policy cannot be understood",
        .hint = "docs/signatures.md describes the file. Nothing that it may be about is used until it is "
                "right.",
};

const struct error_kind ERROR_TRANSLATION = {
        .code = "SNAP-350",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the checkpoint cannot be restored by another engine",
        .hint = "The message says what is in the way; docs/translate.md has the whole list. The engine that "
                "took "
                "the checkpoint restores it.",
};

const struct error_kind *const oci_error_kinds[] = {
        &ERROR_IMAGE_REFERENCE,
        &ERROR_IMAGE_LAYOUT,
        &ERROR_IMAGE_NOT_FOUND,
        &ERROR_IMAGE_DIGEST,
        &ERROR_IMAGE_NOT_CHECKPOINT,
        &ERROR_REGISTRY_DENIED,
        &ERROR_REGISTRY_ANSWER,
        &ERROR_REGISTRY_BUSY,
        &ERROR_REGISTRY_UPLOAD_LOST,
        &ERROR_REGISTRY_NOT_ALLOWED,
        &ERROR_REGISTRY_TOO_LARGE,
        &ERROR_REGISTRY_CREDENTIALS,
        &ERROR_STORE_TOKENS,
        &ERROR_STORE_BLOB_UNKNOWN,
        &ERROR_STORE_UPLOAD_UNKNOWN,
        &ERROR_STORE_UPLOAD_INVALID,
        &ERROR_STORE_UPLOAD_RANGE,
        &ERROR_STORE_DIGEST,
        &ERROR_STORE_MANIFEST_UNKNOWN,
        &ERROR_STORE_MANIFEST_INVALID,
        &ERROR_STORE_MANIFEST_BLOB_UNKNOWN,
        &ERROR_STORE_NAME,
        &ERROR_STORE_NAME_UNKNOWN,
        &ERROR_TRANSLATION,
        &ERROR_LAYER_ENCRYPTION,
        &ERROR_SIGNATURE_MISSING,
        &ERROR_SIGNATURE_INVALID,
        &ERROR_SIGNATURE_OTHER,
        &ERROR_POLICY_REJECTED,
        &ERROR_POLICY_FILE,
        NULL,
};
