;; Large integers: 3000 factorial, twenty times.
(define (fact n) (if (= n 0) 1 (* n (fact (- n 1)))))
(define (repeat n) (if (= n 1) (fact 3000) (begin (fact 3000) (repeat (- n 1)))))

(check "fact" 0 (remainder (bench "fact" (lambda () (repeat 20))) 2999))
