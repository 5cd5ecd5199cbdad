"""The closed set of hints: what to do about an error, in terms of the library.

An error's message says what is wrong and where. Where the way out is a call or an argument, it is
a hint beside the message, because the command line has another name for it:
`gallery.commands.hints` words each hint as a command or an option. Advice about the world, such as
to restore a database from a backup, is the same for everybody and belongs to the message.
"""

from __future__ import annotations

from enum import Enum, unique


@unique
class Hint(Enum):
    """A way out of an error; the value is the end of a sentence that its message begins."""

    TRY_AGAIN = "try again"

    # Keys.
    MAKE_KEY_FILE = "make one with write_key_file, or give the path of another"
    OTHER_KEY_FILE = "give another path"
    GIVE_PASSPHRASE = "give it as the argument passphrase"
    ALLOW_WEAK_PASSPHRASE = "allow_weak=True takes it all the same"
    OTHER_KEY = "open the gallery with the key that it was made with"

    # States of a gallery that were seen before.
    OTHER_STATE_FILE = (
        "give StateFile another path, or delete the file: an older state of the database that is "
        "put back before it is used again would go unnoticed then"
    )
    ACCEPT_ROLLBACK = (
        "restore the newest one; if you put an older one back on purpose, accept it with "
        "GalleryClient.accept_rollback"
    )
    ACCEPT_RESTORED = (
        "if you mean it to take that one's place, accept it with GalleryClient.accept_rollback"
    )
    REFRESH = (
        "GalleryClient.refresh, on a machine that has seen the newest state, signs it with the "
        "date of today"
    )
    ACCEPT_UNSEEN = (
        "call GalleryClient.refresh where the gallery is written, or with accept_unseen=True once "
        "you know by other means that the state is the newest"
    )
    SET_CLOCK = "set the clocks; then GalleryClient.refresh signs the right date"
    ACCEPT_WRONG_RESULTS = (
        "the server, or its memory, is faulty or hostile: have it looked into, and verify the "
        "gallery deeply; when that is done, accept it with GalleryClient.accept_wrong_results"
    )
    ACCEPT_OLD_CALIBRATION = (
        "restore the newest one, give a threshold, or store a new one with "
        "GalleryClient.store_calibration or GalleryClient.set_threshold; if you put an older one "
        "back on purpose, accept it with GalleryClient.accept_rollback"
    )

    # Galleries and what is in them.
    MAKE_GALLERY = "make it with GalleryClient.create, or name another"
    OTHER_GALLERY_NAME = "choose another name"
    RESTORE_ELSEWHERE = "restore it into another database"
    MAKE_GALLERY_FOR_PHOTOS = (
        "the argument preprocessing of GalleryClient.create makes one for photos"
    )
    MAKE_GALLERY_OF_HIGHER_BOUND = (
        "the argument norm_bound of GalleryClient.create makes one with a higher bound"
    )
    NAME_THRESHOLD = (
        "GalleryClient.thresholds says which there are, GalleryClient.set_threshold sets one"
    )
    GIVE_THRESHOLD = (
        "give one with each search, or set one with GalleryClient.set_threshold, or find one on "
        "your own data and store it with GalleryClient.store_calibration"
    )
    OTHER_THRESHOLD = "give a smaller one, or set one with GalleryClient.set_threshold"
    CALIBRATE_ANEW = (
        "restore the database from a backup, or store a new calibration with "
        "GalleryClient.store_calibration"
    )
    LIST_REFERENCES = "GalleryClient.references lists what it holds"
    MERGE = "GalleryClient.merge makes one person of the two"
    UNSET_ATTRIBUTE = "the argument without of GalleryClient.annotate takes one away"
    SAY_WHICH_NAME = (
        "the argument labels takes it for the one, and the argument reference_ids for the other"
    )
    SETTLE_DUPLICATES = "the argument on_duplicate says what is done with each"
    GIVE_LABEL_OF_EMBEDDINGS = "if all of it shows one person, give the argument label"
    REMOVE_ALL = "if it is meant, give FolderSync.apply the argument remove_all"
    OVERWRITE = "overwrite=True replaces it"
    DISCARD_RENEWAL = "finish it as it was begun, or give it up with discard_renewal"
    NAME_BACKUP = "name a file that GalleryClient.export wrote"
    USE_NATIVE_BACKEND = (
        "the backend native computes every parameter set, the backend seal standard and compact"
    )

    # Damage.
    VERIFY = "GalleryClient.verify shows what is damaged"
    VERIFY_KEY_FILE_AND_GALLERY = (
        "check the key file; GalleryClient.verify shows what else is damaged"
    )
    SEARCH_AGAIN = "search again; if that fails too, GalleryClient.verify shows what is damaged"
    RENEW_AGAIN = "check the gallery with GalleryClient.verify, then renew it again"

    # The database.
    MAKE_DATABASE = "open_service(..., create=True) makes one; or name another"
    MIGRATE = "bring it up to date with gallery.server.migrate"
    SEARCH_READ_ONLY = (
        "a read-only copy is searched by the URL sqlite:///file:/path?immutable=1&uri=true"
    )
    PURGE = "when that is over, call the service's purge"

    # Servers and their tokens.
    TOKEN_ALONE = (
        "give the argument token the 64 characters that begin with efg_, and nothing around them"
    )
    TOKEN_APART = "the token is an argument of its own"
    USE_HTTPS = "use https, or say plain_http=True"
    USE_TLS_IN_CLUSTER = "use tls:// with its certificates, or say plain_tcp=True"
    TRUST_AUTHORITY = "name a file with its authority's certificate in the argument authorities"
    ASK_FOR_TOKEN = "the operator of the server makes tokens, with issue_token"
    LIST_TOKENS = "TokenStore.all lists those that there are"
    OTHER_ADDRESS = "choose another host or port"

    # Photos and face models.
    ALLOW_PRIVATE_ADDRESS = "PhotoUrl(..., allow_private=True) fetches it all the same"
    ENROLL_LARGEST = "crop it, or enroll the largest of them, with the argument faces"
    CHOOSE_FACES = "the argument faces takes the largest, or all of them"
    CHOOSE_LARGEST = "the argument faces takes the largest"
    TRUST_WEIGHTS = (
        "give accept=True to TrustedWeights, which takes it and remembers its hash from now on"
    )
    USE_DLIB = (
        "the model Dlib with the detector dlib works without any download, and export_weights and "
        "import_weights bring others from a machine with internet"
    )
