;; Closures: the naive Fibonacci function in continuation-passing style.
(define (fib n k)
  (if (< n 2)
      (k n)
      (fib (- n 1) (lambda (a) (fib (- n 2) (lambda (b) (k (+ a b))))))))

(check "cps" 832040 (bench "cps" (lambda () (fib 30 (lambda (x) x)))))
