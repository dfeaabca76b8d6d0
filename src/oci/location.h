/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a checkpoint lies, as people write it. Every verb that reads a checkpoint opens it through here, so
 * that every verb takes every place:
 *
 *     PATH                      an archive, or a directory of CRIU images
 *     -                         standard input: a file in place, from where it stands; a pipe is read once
 *     oci:DIR[:TAG]             an image in an OCI layout, in place
 *     oci-archive:FILE[:TAG]    the same in a tar file
 *     docker://NAME             an image in a registry: large plain layers are read where they lie, the
 * others are kept in a file without a name in /var/tmp
 *
 * Of an image, the manifest and every compressed layer have had their digests when it is open; a plain layer
 * is verified when archive_stream() reads it whole, and not when single members of it are read.
 */
#ifndef SNAP_OCI_LOCATION_H
#define SNAP_OCI_LOCATION_H

#include "archive/archive.h"
#include "base/progress.h"

struct registry_access;

/* Everything can be read, as often as one likes: a pipe is kept in a file without a name in /var/tmp. Owned
 * by the caller. `progress`, which may be NULL, is of what must be read first: a pipe, and what can only be
 * read forward (archive_load()). */
int location_open(const char *text, const struct progress *progress, struct archive **out, struct error *err);
/* The same, but what can only be read forward is left unread (archive_open_unread()). */
int location_open_unread(const char *text, const struct progress *progress, struct archive **out,
                         struct error *err);
/* For looking at the small members only (metadata, CRIU images but memory): a pipe is read where it is, and
 * of one, asking for more is -ENOTSUP; an image is without its pages (image_look()). */
int location_look(const char *text, const struct progress *progress, struct archive **out, struct error *err);

/* Not the archive but the bytes of its file, for whom they need not be a sound one: a descriptor, the
 * caller's, to be read from where it stands. Of a path or standard input, of which a pipe is kept as above.
 * What the path is of is for the caller to see. */
int location_open_bytes(const char *text, const struct progress *progress, struct error *err);

/*
 * Where names are looked up that are neither an image nor standard input: NULL, or the file system of this
 * machine; else somewhere that this program can look, as if it were there. To be set before anything is
 * opened.
 */
typedef int (*location_opener)(const char *name, struct archive **out, struct error *err);
void location_use(location_opener opener);

/* How registries are reached, for images that lie in one; to outlive all that is opened. To be set before
 * anything is opened. */
void location_use_registries(const struct registry_access *access);

/* Is it simply the path of a file or directory? */
bool location_is_path(const char *text);

#endif
