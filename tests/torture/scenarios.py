"""All scenarios by name, and the failures that are part of every sample."""

import getting
import serving
import syncing

SCENARIOS = {**getting.SCENARIOS, **serving.SCENARIOS, **syncing.SCENARIOS}
# (scenario, failure) that once went wrong.
ALWAYS = [
    ("sync", "clone3:EAGAIN:13"),
    ("sync", "epoll_ctl:ENOSPC:3"),
    ("serve-select", "pselect6:ENOMEM:5"),
    ("serve-poll", "ppoll:ENOMEM:5"),
    ("serve-threads", "ppoll:ENOMEM:14"),
    ("serve-uring", "io_uring_enter:EAGAIN:5"),
    ("serve-uring", "io_uring_enter:EBUSY:6"),
    ("workers", "sendto:ENOBUFS:1"),
    ("workers", "sendto:EAGAIN:2"),
    ("workers", "eventfd2:EMFILE:2"),
    ("compare", "sendto:ENOBUFS:2"),
    ("compare", "recvfrom:ENOMEM:10"),
    ("compare", "recvfrom:ECONNRESET:1"),
    ("into-folder", "close:EIO:8"),
    ("report-svg", "close:EIO:11"),
    ("report-json", "close:EIO:12"),
    ("by-list", "close:EIO:12"),
    ("sync-export", "close:EIO:1"),
    ("control", "write:ENOSPC:5"),
    ("serve-epoll", "sendto:ENOBUFS:3"),
    ("weblog", "epoll_create1:EMFILE:1"),
    ("drain-threads", "eventfd2:ENOMEM:2"),
    ("fibonacci", "fdatasync:EIO:12"),
    ("fetch-epoll", "epoll_ctl:ENOSPC:3"),
    ("fibonacci-fork", "eventfd2:ENFILE:4"),
    ("fetch-epoll", "malloc:ENOMEM:506"),
    ("fetch-epoll", "malloc:ENOMEM:507"),
    ("fetch-epoll", "malloc:ENOMEM:664"),
    ("fetch-epoll", "malloc:ENOMEM:670"),
    ("fetch-threads", "malloc:ENOMEM:660"),
    ("serve-asio", "malloc:ENOMEM:478"),
    ("serve-asio", "malloc:ENOMEM:605"),
    ("serve-epoll", "malloc:ENOMEM:589"),
    ("sync", "malloc:ENOMEM:219"),
    ("fibonacci", "malloc:ENOMEM:2551"),
]
