;; Calls: 7 million, not in tail position.
(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))

(check "fib" 2178309 (bench "fib" (lambda () (fib 32))))
