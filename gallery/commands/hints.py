"""Hints of the library in the words of the command line: its commands, options and variables."""

from __future__ import annotations

from typing import Final

from gallery.errors import GalleryError
from gallery.hints import Hint

WORDING: Final[dict[Hint, str]] = {
    Hint.TRY_AGAIN: "run the command again",
    Hint.MAKE_KEY_FILE: "make one with gallery key new, or name another with --key",
    Hint.OTHER_KEY_FILE: "name another with --key or in GALLERY_KEY",
    Hint.GIVE_PASSPHRASE: (
        "give it with --passphrase-file, in GALLERY_PASSPHRASE, or at the prompt"
    ),
    Hint.ALLOW_WEAK_PASSPHRASE: "--weak-passphrase takes it all the same",
    Hint.OTHER_KEY: "name the key file that it was made with: --key",
    Hint.OTHER_STATE_FILE: (
        "name another file with --state-file, or delete it: an older state of the database that is "
        "put back before the next run would go unnoticed then"
    ),
    Hint.ACCEPT_ROLLBACK: (
        "restore the newest one; if you put an older one back on purpose, accept it with: gallery "
        "verify --accept-rollback"
    ),
    Hint.ACCEPT_RESTORED: (
        "if you mean it to take that one's place, accept it with: gallery verify --accept-rollback"
    ),
    Hint.REFRESH: (
        "gallery refresh, on the machine from which it is changed, signs its state with today's "
        "date"
    ),
    Hint.ACCEPT_UNSEEN: (
        "run it on the machine that writes to it, or keep the state file of the "
        "last run (--state-file); --accept-unseen signs what is shown this once"
    ),
    Hint.SET_CLOCK: "set the clocks; then gallery refresh signs the right date",
    Hint.ACCEPT_WRONG_RESULTS: (
        "the server, or its memory, is faulty or hostile: have it looked into, and run gallery "
        "verify --deep; when that is done, accept it with: gallery verify --accept-wrong-results"
    ),
    Hint.ACCEPT_OLD_CALIBRATION: (
        "restore the newest one, give --threshold, or run gallery calibrate or gallery threshold "
        "set again; if you put an "
        "older one back on purpose, accept it with: gallery verify --accept-rollback"
    ),
    Hint.MAKE_GALLERY: "create it with gallery init, or name another with --gallery, of those that "
    "gallery galleries lists",
    Hint.OTHER_GALLERY_NAME: "choose another name with --gallery",
    Hint.GIVE_LABEL_OF_EMBEDDINGS: "if all of it shows one person, say with --label whom",
    Hint.RESTORE_ELSEWHERE: "restore it into another database, named with --database",
    Hint.MAKE_GALLERY_FOR_PHOTOS: "gallery init --model NAME makes one for photos",
    Hint.MAKE_GALLERY_OF_HIGHER_BOUND: "gallery init --norm-bound makes one with a higher bound",
    Hint.GIVE_THRESHOLD: (
        "give one to gallery identify with --threshold, set one with gallery threshold set, or "
        "find one on your own data with gallery calibrate"
    ),
    Hint.NAME_THRESHOLD: "gallery threshold show says which there are, set --name sets one",
    Hint.OTHER_THRESHOLD: (
        "give a smaller one, as --threshold or to gallery threshold set, or find one on your own "
        "data with gallery calibrate"
    ),
    Hint.CALIBRATE_ANEW: "restore the database from a backup, or run gallery calibrate again",
    Hint.LIST_REFERENCES: "gallery list shows what it holds",
    Hint.MERGE: "gallery merge makes one person of the two",
    Hint.UNSET_ATTRIBUTE: "gallery annotate --unset takes one away",
    Hint.SAY_WHICH_NAME: "say which is meant with --label or --id",
    Hint.SETTLE_DUPLICATES: (
        "--on-duplicate ask asks about each at a terminal, and skip leaves all of them out"
    ),
    Hint.REMOVE_ALL: "if it is meant, --remove-all erases them",
    Hint.OVERWRITE: "--force replaces it",
    Hint.DISCARD_RENEWAL: (
        "finish it as it was begun, or give it up with: gallery rekey --discard, and the --new-key "
        "that it was begun with"
    ),
    Hint.NAME_BACKUP: "name a file that gallery export wrote",
    Hint.USE_NATIVE_BACKEND: (
        "--backend native computes every parameter set, --backend seal standard and compact"
    ),
    Hint.VERIFY: "gallery verify shows what is damaged",
    Hint.VERIFY_KEY_FILE_AND_GALLERY: (
        "check the key file; gallery verify shows what else is damaged"
    ),
    Hint.SEARCH_AGAIN: (
        "run the search again; if that fails too, gallery verify shows what is damaged"
    ),
    Hint.RENEW_AGAIN: "run gallery verify, then the same command again",
    Hint.MAKE_DATABASE: "make one with gallery init, or name another with --database",
    Hint.MIGRATE: "upgrade it with gallery migrate, given the same --database",
    Hint.SEARCH_READ_ONLY: (
        "a read-only copy is searched with: --database 'sqlite:///file:/path?immutable=1&uri=true'"
    ),
    Hint.PURGE: "when that is over, run gallery compact",
    Hint.TOKEN_ALONE: (
        "put the 64 characters that begin with efg_, and nothing around them, into GALLERY_TOKEN "
        "or the file of --token-file"
    ),
    Hint.TOKEN_APART: "the token goes into GALLERY_TOKEN or a file named with --token-file",
    Hint.USE_HTTPS: "use https, or say --plain-http",
    Hint.USE_TLS_IN_CLUSTER: (
        "use tls:// with --cluster-ca, --cluster-cert and --cluster-key, or say --plain-cluster if "
        "nobody else reaches the network between them"
    ),
    Hint.TRUST_AUTHORITY: "name a file with its authority's certificate with --server-ca",
    Hint.ASK_FOR_TOKEN: "the operator of the server makes tokens with gallery token create",
    Hint.LIST_TOKENS: "gallery token list shows those that there are",
    Hint.OTHER_ADDRESS: "choose another --host or --port",
    Hint.ALLOW_PRIVATE_ADDRESS: "--private-urls fetches it all the same",
    Hint.CHOOSE_FACES: "--faces largest takes the largest, and --faces all each of them",
    Hint.CHOOSE_LARGEST: "--faces largest takes the largest",
    Hint.ENROLL_LARGEST: "crop it, or enroll the largest of them with --faces largest",
    Hint.TRUST_WEIGHTS: "--trust-weights takes it, and remembers its hash from now on",
    Hint.USE_DLIB: (
        "the model Dlib with the detector dlib works without any download (gallery init --model "
        "Dlib), and gallery models fetch --to brings others from a machine with internet"
    ),
}


def worded(message: str, hint: Hint | None) -> str:
    """Return a message and its hint for a user of the command line."""
    return message if hint is None else f"{message}; {WORDING[hint]}"


def told(error: GalleryError) -> str:
    """Return the text of an error for a user of the command line."""
    return worded(error.message, error.hint)
