;; Recursion a million frames deep.
(define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1)))))
(define (repeat n) (if (= n 1) (deep 1000000) (begin (deep 1000000) (repeat (- n 1)))))

(check "deep" 1000000 (bench "deep" (lambda () (repeat 10))))
