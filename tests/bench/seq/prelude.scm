;; What the programs of this folder need from Guile.
(define (now-ns)
  (quotient (* (get-internal-real-time) 1000000000) internal-time-units-per-second))
