;; call/cc used to leave a loop early.
(define numbers '(1 3 5 7 9 2 11))
(define (first-even list)
  (call/cc
   (lambda (return)
     (for-each (lambda (x) (if (= 0 (remainder x 2)) (return x))) list)
     #f)))
(define (repeat n sum) (if (= n 0) sum (repeat (- n 1) (+ sum (first-even numbers)))))

(check "escape" 600000 (bench "escape" (lambda () (repeat 300000 0))))
