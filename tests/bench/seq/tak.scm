;; Calls of three arguments, three of four not in tail position.
(define (tak x y z)
  (if (not (< y x)) z (tak (tak (- x 1) y z) (tak (- y 1) z x) (tak (- z 1) x y))))

(define (repeat n) (if (= n 1) (tak 24 16 8) (begin (tak 24 16 8) (repeat (- n 1)))))

(check "tak" 9 (bench "tak" (lambda () (repeat 5))))
