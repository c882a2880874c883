;; For all Schemes: times one call of work and prints "NAME MILLISECONDS ms".
(define (bench name work)
  (let* ((start (now-ns)) (result (work)) (ns (- (now-ns) start)))
    (display name)
    (display " ")
    (display (/ (quotient ns 1000) 1000.0))
    (display " ms")
    (newline)
    result))

(define (check name expected got)
  (if (not (equal? expected got))
      (begin (display name) (display ": wrong result ") (write got) (newline))))
