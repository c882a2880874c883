;; Small objects: binary trees made, walked and dropped while one stays.
(define (make depth) (if (= depth 0) '() (cons (make (- depth 1)) (make (- depth 1)))))
(define (count tree) (if (null? tree) 1 (+ (count (car tree)) (count (cdr tree)))))

(define (repeat n sum) (if (= n 0) sum (repeat (- n 1) (+ sum (count (make 14))))))

(define (work)
  (let* ((kept (make 17)) (sum (repeat 100 0))) (+ sum (count kept))))

(check "bintrees" (+ (* 100 16384) 131072) (bench "bintrees" work))
