;; What the programs of this folder need from Chez Scheme.
(import (except (chezscheme) filter))
(define (now-ns)
  (let ((t (current-time 'time-monotonic)))
    (+ (* 1000000000 (time-second t)) (time-nanosecond t))))
